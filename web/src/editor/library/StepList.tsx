/** The types of steps by section, with a search: a click chooses one, and it can be dragged onto the canvas. */
import { ChevronDown, ChevronRight } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useState } from "react";
import type { StepTypeInfo } from "pipeloom-client/rest";
import { SearchInput } from "../../ui/SearchInput";
import { Skeleton } from "../../ui/Skeleton";
import { TypeTile } from "../families";
import { useStepTypes } from "../stepTypes";
import { matching } from "./matching";
import { sectionsOf } from "./sections";
import { useReadOnly } from "../useReadOnly";
import styles from "./StepList.module.css";
import { useLibraryDrag } from "./useLibraryDrag";

interface StepListProps {
  readonly onChoose: (type: string) => void;
  readonly canDrag?: boolean;
  /** Shown in the field: what leads there. */
  readonly searchKey?: string;
}

export function StepList({ onChoose, canDrag = false, searchKey }: StepListProps): ReactNode {
  const types = useStepTypes();
  const [sought, setSought] = useState("");
  const found = types === undefined ? undefined : matching([...types.values()], sought);
  const press = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.key === "Enter" && event.target instanceof HTMLInputElement && sought.trim() !== "" && found?.[0]) {
      event.preventDefault();
      event.currentTarget.querySelector<HTMLElement>("[data-type]")?.click();
    } else move(event);
  };
  return (
    <div className={styles.steps} onKeyDown={press}>
      <SearchInput label="Search steps" value={sought} onChange={setSought} shortcut={sought === "" ? searchKey : undefined} className={styles.search} />
      {found === undefined ? <Skeleton className={styles.waiting} /> : (
        <Sections found={found} isSearch={sought.trim() !== ""} onChoose={onChoose} canDrag={canDrag} />
      )}
    </div>
  );
}

interface SectionsProps extends Pick<StepListProps, "onChoose"> {
  readonly found: readonly StepTypeInfo[];
  /** Then nothing is folded: what was sought is seen. */
  readonly isSearch: boolean;
  readonly canDrag: boolean;
}

function Sections({ found, isSearch, onChoose, canDrag }: SectionsProps): ReactNode {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const toggle = (title: string): void => {
    const next = new Set(folded);
    if (!next.delete(title)) next.add(title);
    setFolded(next);
  };
  return (
    <div className={styles.list}>
      {found.length === 0 ? <p className={styles.none}>No step has all these words.</p> : null}
      {sectionsOf(found).map(({ title, types }) => {
        const isOpen = isSearch || !folded.has(title);
        return (
          <section key={title} aria-label={title}>
            <button type="button" className={styles.family} aria-expanded={isOpen} onClick={() => toggle(title)}>
              {isOpen ? <ChevronDown size={14} /> : <ChevronRight size={14} />} {title} <span>{types.length}</span>
            </button>
            {isOpen ? types.map((type) => <Type key={type.type} info={type} onChoose={onChoose} canDrag={canDrag} />) : null}
          </section>
        );
      })}
    </div>
  );
}

function Type({ info: { type, title, description }, onChoose, canDrag }: {
  readonly info: StepTypeInfo;
  readonly onChoose: (type: string) => void;
  readonly canDrag: boolean;
}): ReactNode {
  const readOnly = useReadOnly();
  const drag = useLibraryDrag(type, title, canDrag && readOnly === undefined);
  return (
    <>
      <button
        type="button"
        data-type={type}
        className={styles.type}
        aria-disabled={readOnly !== undefined || undefined}
        title={readOnly ?? description}
        onPointerDown={drag.onPointerDown}
        onClick={readOnly !== undefined ? undefined : () => drag.isClick() && onChoose(type)}
      >
        <TypeTile type={type} />
        <span className={styles.words}>
          <span className={styles.name}>{title}</span>
          <span className={styles.description}>{description}</span>
        </span>
      </button>
      {drag.ghost}
    </>
  );
}

/** Arrows move between the field and the types. */
function move(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>("input, [data-type]")];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  if (at === -1) return;
  event.preventDefault();
  stops[Math.max(0, Math.min(stops.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))]?.focus();
}
