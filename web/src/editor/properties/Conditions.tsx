/** A condition: rows of a field, an operator and a value, in groups of which all or one must hold. */
import { Ellipsis, Pencil, Plus } from "lucide-react";
import type { Json, Path } from "pipeloom-client";
import { createContext, type FocusEvent, type ReactNode, Suspense, useContext, useEffect, useId, useMemo, useRef, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { later } from "../../ui/later";
import { Menu } from "../../ui/Menu";
import { AnyValue } from "./AnyValue";
import { changedAt, keysNow, negated, nodeOf, OPERATORS, pathNow, type Row, rowOf, textOfRow, withPart, withWord, type Word, wordsFor } from "./conditions";
import { type ControlProps, Line, Select } from "./controls";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import { Typing } from "./Frame";
import { stepsInSight } from "./inSight";
import { getAt, setAt } from "./paths";

const ValueYaml = later(() => import("./ValueYaml"));

/** Parts of a group that are drawn; what is beyond them is in the YAML. */
const MOST = 50;

interface Editing {
  /** Of the condition in the config. */
  readonly path: Path;
  /** Change the part at a path of the condition; undefined takes it away. */
  readonly edit: (at: Path, change: (part: Json) => Json | undefined) => boolean;
  /** Add a part to the group at a path. */
  readonly add: (at: Path, part: Json) => boolean;
  /** Fields that one may compare. */
  readonly fields: readonly string[];
}

const Context = createContext<Editing | null>(null);

function useCondition(): Editing {
  const editing = useContext(Context);
  if (editing === null) throw new Error("expected <Conditions> around this component");
  return editing;
}

export function Conditions({ path, schema, value, id, ...about }: ControlProps): ReactNode {
  const { readOnlyReason } = useEditing();
  const [isYaml, setYaml] = useState(false);
  const [isAdding, setAdding] = useState(false);
  const editing = useConditionEditing(path, value);
  if (isYaml) {
    return (
      <Suspense fallback={null}>
        <ValueYaml path={path} title={schema.title ?? "Condition"} value={value ?? ""} onClose={() => setYaml(false)} />
      </Suspense>
    );
  }
  const isGroup = value !== undefined && nodeOf(value).kind === "group";
  const isRow = typeof value === "string";
  return (
    <Context.Provider value={editing}>
      <div {...about} id={id} role="group" className={styles.condition} data-condition>
        {value === undefined ? <NewRow add={(text) => editing.add([], text)} placeholder={String(schema.examples?.[0] ?? "")} /> : <Part value={value} at={[]} />}
        {value === undefined || isGroup || !isAdding ? null : <NewRow isFocused add={(text) => editing.add([], text)} onDone={() => setAdding(false)} />}
        {value === undefined || isRow ? null : <p className={styles.conditionText} title="The whole condition in words">{wordsFor(value)}</p>}
        <div className={styles.buttons}>
          {value === undefined || isGroup ? null : (
            <Button variant="ghost" icon={<Plus size={14} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => setAdding(true)}>
              Add condition
            </Button>
          )}
          <Button variant="ghost" icon={<Pencil size={12} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => setYaml(true)}>
            Edit as YAML
          </Button>
        </div>
      </div>
    </Context.Provider>
  );
}

function useConditionEditing(path: Path, shown: Json | undefined): Editing {
  const { change, room, stepId } = useEditing();
  const latest = useRef({ path, shown });
  latest.current = { path, shown };
  return useMemo(() => {
    const steps = room.pipeline.steps();
    const inside = [...steps.values()].filter(({ parent_step_id: parent }) => parent === stepId);
    const fields = [...inside, ...stepsInSight(steps, stepId)].slice(0, MOST_FIELDS).map(({ name }) => name);
    const changed = (at: Path, how: (now: Json | undefined, place: Path) => Json | undefined): boolean => {
      const { path: where, shown: then } = latest.current;
      return change((config) => {
        const now = getAt(config, where);
        return setAt(config, where, how(now, pathNow(then, now, at)));
      });
    };
    return {
      path,
      edit: (at, how) => changed(at, (now, place) => changedAt(now, place, how)),
      add: (at, part) => changed(at, (now, place) => withPart(now, place, part)),
      fields,
    };
  }, [change, room, stepId, path.join("/")]);
}

const MOST_FIELDS = 200;

interface PartProps {
  readonly value: Json;
  /** In the condition. */
  readonly at: Path;
}

function Part({ value, at }: PartProps): ReactNode {
  const { path } = useCondition();
  const id = useId();
  const node = nodeOf(value);
  if (node.kind === "row") return <RowFields text={node.text} at={at} />;
  if (node.kind === "group") return <Group value={value} word={node.word} items={node.items} at={at} within={[...at, ...node.at]} />;
  return (
    <div className={styles.conditionPart}>
      <header className={styles.conditionHead}>
        <span>{node.kind === "not" ? "Not" : "Other"}</span>
        <Actions value={value} at={at} />
      </header>
      {node.kind === "not" ? <Part value={node.item} at={[...at, "not"]} /> : (
        <AnyValue id={id} aria-describedby="" aria-invalid={undefined} path={[...path, ...at]} schema={{ title: "Part of the condition" }} value={value} isInRow />
      )}
    </div>
  );
}

const WORDS: Readonly<Record<Word, string>> = { and: "All of these hold", or: "One of these holds" };

function Group({ value, word, items, at, within }: PartProps & {
  readonly word: Word;
  readonly items: readonly Json[];
  /** Where its list is in the condition. */
  readonly within: Path;
}): ReactNode {
  const { path, edit, add } = useCondition();
  const { readOnlyReason } = useEditing();
  const [adding, setAdding] = useState<"row" | "group" | null>(null);
  const keys = useKeys(items);
  const id = useId();
  const other: Word = word === "and" ? "or" : "and";
  return (
    <div role="group" aria-label={WORDS[word]} className={styles.conditionPart}>
      <header className={styles.conditionHead}>
        <Select
          id={id}
          aria-label="How many must hold"
          aria-describedby=""
          aria-invalid={undefined}
          path={[...path, ...at]}
          value={WORDS[word]}
          words={[WORDS[other]]}
          onChoose={() => edit(at, (part) => withWord(part, other))}
        />
        <Actions value={value} at={at} />
      </header>
      <ol className={styles.conditionParts}>
        {items.slice(0, MOST).map((item, place) => (
          <li key={keys[place]}>
            <Part value={item} at={[...within, place]} />
          </li>
        ))}
        {adding === null ? null : (
          <li key={`new ${adding}`} className={adding === "group" ? styles.conditionPart : undefined}>
            <NewRow isFocused add={(text) => add(at, adding === "group" ? { [other]: [text] } : text)} onDone={() => setAdding(null)} />
          </li>
        )}
      </ol>
      {items.length > MOST ? <p className={styles.hint}>{items.length - MOST} more are in the YAML.</p> : null}
      <div className={styles.buttons}>
        <Button variant="ghost" icon={<Plus size={14} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => setAdding("row")}>
          Add condition
        </Button>
        <Button variant="ghost" icon={<Plus size={14} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => setAdding("group")}>
          Add group
        </Button>
      </div>
    </div>
  );
}

/** A key for each item that stays with it while others come, go and change. */
function useKeys(items: readonly Json[]): readonly number[] {
  const made = useRef(0);
  const known = useRef<{ readonly items: readonly Json[]; readonly keys: readonly number[] }>({ items: [], keys: [] });
  if (known.current.items !== items) {
    const { items: former, keys } = known.current;
    known.current = { items, keys: keysNow(former, keys, items, () => made.current++) };
  }
  return known.current.keys;
}

function Actions({ value, at }: PartProps): ReactNode {
  const { edit } = useCondition();
  const { readOnlyReason: disabledReason } = useEditing();
  const node = nodeOf(value);
  return (
    <Menu
      label="What to do with this part"
      align="end"
      items={[
        { label: node.kind === "not" ? "Take the not away" : "Negate", disabledReason, onSelect: () => void edit(at, negated) },
        { label: "Put into a group", disabledReason, onSelect: () => void edit(at, (part) => ({ or: [part] })) },
        null,
        { label: "Remove", isDangerous: true, disabledReason, onSelect: () => void edit(at, () => undefined) },
      ]}
      trigger={(trigger) => (
        <IconButton label="Part of the condition" className={styles.small} {...trigger}>
          <Ellipsis size={14} />
        </IconButton>
      )}
    />
  );
}

/** Written when it is left, not while one types: each time the list around it is written, and two who do that at once lose one. */
function RowFields({ text, at }: { readonly text: string; readonly at: Path }): ReactNode {
  const { path, edit, fields } = useCondition();
  const id = useId();
  const row = rowOf(text);
  const inside = [...path, ...at];
  const set = (changes: Partial<Row>): boolean =>
    edit(at, (part) => {
      const next = textOfRow({ ...rowOf(typeof part === "string" ? part : text), ...changes });
      return next === "" ? undefined : next;
    });
  const labels = { "aria-describedby": "", "aria-invalid": undefined } as const;
  return (
    <div className={styles.conditionRow}>
      <Line {...labels} id={`${id}-field`} aria-label="Field" path={inside} shown={row.field} suggestions={fields} isLive={false} isMono commit={(typed) => set({ field: typed.trim() })} />
      <Actions value={text} at={at} />
      <div className={styles.conditionTest}>
        <Operator id={`${id}-operator`} path={inside} row={row} onChoose={(operator) => set({ operator, ...(operator === "" && { value: "" }) })} />
        {row.operator === "" ? null : (
          <Line {...labels} id={`${id}-value`} aria-label="Value" path={inside} shown={row.value} placeholder={valueOf(row.operator)} isLive={false} isMono commit={(typed) => set({ value: typed.trim() })} />
        )}
      </div>
      <Typing path={["config", ...inside]} />
    </div>
  );
}

const valueOf = (operator: string): string => (operator === "between" ? "1 and 5" : '7, true or "text"');

const operatorOf = (label: string): string => Object.keys(OPERATORS).find((each) => OPERATORS[each] === label) ?? "";

function Operator({ id, path, row, onChoose }: { readonly id: string; readonly path: Path; readonly row: Row; readonly onChoose: (operator: string) => void }): ReactNode {
  // What is more than a field cannot be compared by a choice.
  const isField = row.operator !== "" || rowOf(textOfRow({ ...row, operator: "==" })).operator === "==";
  const words = isField ? Object.values(OPERATORS) : [OPERATORS[""] ?? ""];
  return (
    <Select
      id={id}
      aria-label="Operator"
      aria-describedby=""
      aria-invalid={undefined}
      path={path}
      value={OPERATORS[row.operator] ?? row.operator}
      words={words}
      onChoose={(label) => onChoose(operatorOf(label))}
    />
  );
}

/** A row that is written once its fields are left, all of them. */
function NewRow({ add, placeholder = "review.score", isFocused = false, onDone }: {
  readonly add: (text: string) => boolean;
  readonly placeholder?: string;
  readonly isFocused?: boolean;
  readonly onDone?: () => void;
}): ReactNode {
  const { fields } = useCondition();
  const { readOnlyReason } = useEditing();
  const [row, setRow] = useState<Row>({ field: "", operator: "", value: "" });
  const latest = useRef({ row, add });
  latest.current = { row, add };
  const listId = useId();
  const write = (): void => {
    const text = textOfRow(latest.current.row).trim();
    if (text !== "" && !latest.current.add(text)) return;
    setRow((latest.current.row = { field: "", operator: "", value: "" }));
    onDone?.();
  };
  // A form that is closed writes, too: nobody loses what is typed.
  useEffect(() => () => {
    const text = textOfRow(latest.current.row).trim();
    if (text !== "") latest.current.add(text);
  }, []);
  const leave = ({ currentTarget, relatedTarget }: FocusEvent<HTMLElement>): void => {
    if (!currentTarget.contains(relatedTarget)) write();
  };
  const shared = { className: `${styles.control} ${styles.mono}`, disabled: readOnlyReason !== undefined, title: readOnlyReason, spellCheck: false, autoComplete: "off" };
  const change = (changes: Partial<Row>): void => setRow({ ...row, ...changes });
  const isCompared = row.operator !== "";
  return (
    <div
      className={styles.conditionRow}
      onBlur={leave}
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.target instanceof HTMLInputElement) write();
        if (event.key === "Escape" && onDone) event.stopPropagation(), setRow((latest.current.row = { field: "", operator: "", value: "" })), onDone();
      }}
    >
      <input {...shared} autoFocus={isFocused} aria-label="Field" placeholder={placeholder} list={listId} value={row.field} onChange={({ target }) => change({ field: target.value })} />
      <datalist id={listId}>{fields.map((each) => <option key={each} value={each} />)}</datalist>
      {row.field === "" && !isCompared ? null : (
        <div className={styles.conditionTest}>
          <span className={styles.select}>
            <select {...shared} className={styles.control} aria-label="Operator" value={row.operator} onChange={({ target }) => change({ operator: target.value })}>
              {Object.entries(OPERATORS).map(([sign, label]) => <option key={sign} value={sign}>{label}</option>)}
            </select>
          </span>
          {isCompared ? <input {...shared} aria-label="Value" placeholder={valueOf(row.operator)} value={row.value} onChange={({ target }) => change({ value: target.value })} /> : null}
        </div>
      )}
    </div>
  );
}
