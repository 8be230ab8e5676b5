/** Above the list: the search, the filters and the order. */
import { ArrowDownUp, ChevronDown } from "lucide-react";
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect } from "react";
import { autofocus } from "../ui/autofocus";
import { Button } from "../ui/Button";
import { Menu } from "../ui/Menu";
import { Popover } from "../ui/Popover";
import { SearchInput } from "../ui/SearchInput";
import { Segments } from "../ui/Tabs";
import { type Filters, type FoundSort, sortOf, type StatusFilter } from "./filters";
import { useHome } from "./HomeState";
import styles from "./Toolbar.module.css";

interface ToolbarProps {
  readonly filters: Filters;
  readonly change: (changes: Partial<Filters>) => void;
  /** Lists of one status have no filter for it. */
  readonly hasStatus: boolean;
  readonly search: RefObject<HTMLInputElement | null>;
  /** Go from the search into the list. */
  readonly onDown: () => void;
}

const STATUSES = [
  { id: "all", label: "All" },
  { id: "draft", label: "Draft" },
  { id: "active", label: "Active" },
] as const;

const SORTS = [
  ["updated", "Last edited"],
  ["created", "Newest"],
  ["name", "Name"],
] as const;

const FOUND_SORTS = [["rank", "Best match"], ...SORTS] as const;

export function Toolbar({ filters, change, hasStatus, search, onDown }: ToolbarProps): ReactNode {
  return (
    <div role="search" className={styles.toolbar}>
      <SearchField value={filters.sought} onChange={(sought) => change({ sought })} field={search} onDown={onDown} />
      {hasStatus ? (
        <Segments<StatusFilter> label="Status" tabs={STATUSES} chosen={filters.status} onChoose={(status) => change({ status })} />
      ) : null}
      <Tags chosen={filters.tags} onChoose={(tags) => change({ tags })} />
      <Order filters={filters} change={change} />
    </div>
  );
}

/** What a search finds has an order of its own; the list has its former one again afterwards. */
function Order({ filters, change }: Pick<ToolbarProps, "filters" | "change">): ReactNode {
  const chosen: FoundSort = sortOf(filters);
  const items =
    filters.sought.trim() === ""
      ? SORTS.map(([id, label]) => ({ label, checked: id === chosen, onSelect: () => change({ sort: id }) }))
      : FOUND_SORTS.map(([id, label]) => ({ label, checked: id === chosen, onSelect: () => change({ foundSort: id }) }));
  return (
    <Menu
      label="Order"
      align="end"
      trigger={(trigger) => (
        <Button variant="ghost" className={styles.sort} icon={<ArrowDownUp size={16} />} {...trigger}>
          <span className={styles.order}>{FOUND_SORTS.find(([id]) => id === chosen)?.[1]}</span>
        </Button>
      )}
      items={items}
    />
  );
}

export function SearchField({ value, onChange, field, onDown, label = "Search names, steps and prompts" }: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly field: RefObject<HTMLInputElement | null>;
  readonly onDown: () => void;
  readonly label?: string;
}): ReactNode {
  useSlash(field);
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && value !== "") onChange("");
    else if (event.key === "ArrowDown" || event.key === "Enter") onDown();
    else return;
    event.preventDefault();
  };
  return (
    <SearchInput label={label} value={value} onChange={onChange} field={field} onKeyDown={press} shortcut="/" className={styles.search} />
  );
}

/** `/` goes to the search, unless somebody is typing or choosing. */
function useSlash(field: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const press = (event: globalThis.KeyboardEvent): void => {
      const isBusy = event.target instanceof Element && event.target.closest("input, textarea, select, dialog, [popover]:popover-open");
      if (event.key !== "/" || isBusy || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [field]);
}

function Tags({ chosen, onChoose }: { readonly chosen: readonly string[]; readonly onChoose: (tags: readonly string[]) => void }): ReactNode {
  const { overview } = useHome();
  const tags = [...new Set([...chosen, ...(overview?.tags.map(({ tag }) => tag) ?? [])])];
  const counts = new Map(overview?.tags.map(({ tag, count }) => [tag, count]));
  const toggle = (tag: string): void => onChoose(chosen.includes(tag) ? chosen.filter((each) => each !== tag) : [...chosen, tag]);
  return (
    <Popover
      label="Tags"
      className={styles.tags}
      trigger={(trigger) => (
        <Button variant="ghost" className={styles.filter} {...trigger} aria-label={chosen.length === 0 ? "Tags" : `Tags: ${chosen.join(", ")}`}>
          <span className={styles.chosen}>{chosen.length === 0 ? "Tags" : chosen.join(", ")}</span>
          <ChevronDown size={16} aria-hidden="true" />
        </Button>
      )}
    >
      {() => (
        <>
          {tags.length === 0 ? <p className={styles.none}>No pipeline has a tag yet.</p> : null}
          {tags.map((tag, at) => (
            <label key={tag} className={styles.tag}>
              <input type="checkbox" checked={chosen.includes(tag)} onChange={() => toggle(tag)} ref={at === 0 ? autofocus : null} />
              <span className={styles.word}>{tag}</span>
              <span className={styles.count}>{counts.get(tag)}</span>
            </label>
          ))}
        </>
      )}
    </Popover>
  );
}
