/** Controls of one value: a line, a long text, a number, one of several words, yes or no. */
import { ChevronDown } from "lucide-react";
import type { Json, Path } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { type KeyboardEvent, type ReactNode, useId } from "react";
import { cx } from "../../ui/cx";
import { useDraft, useEditing, useOwnField } from "./editing";
import styles from "./Form.module.css";
import type { Labelled } from "./Frame";
import { numberOf, typedOf, valueOf } from "./literal";

export interface ControlProps extends Labelled {
  /** In the config. */
  readonly path: Path;
  readonly schema: JsonSchema;
  readonly value: Json | undefined;
}

const exampleOf = ({ default: given, examples }: JsonSchema): string => {
  const example = given ?? examples?.[0];
  return typeof example === "object" ? "" : String(example ?? "");
};

interface LineProps extends Labelled {
  readonly path: Path;
  /** In the step, of what does not stand in its config. */
  readonly entryPath?: Path;
  /** The value as one types it. */
  readonly shown: string;
  readonly commit: (typed: string) => boolean;
  readonly placeholder?: string;
  readonly suggestions?: readonly string[];
  readonly isLive?: boolean;
  readonly isMono?: boolean;
  readonly isNumber?: boolean;
  readonly name?: string;
}

/** One line. Enter and Escape write it; in one for numbers arrows count. */
export function Line({ path, entryPath = ["config", ...path], shown, commit, placeholder = "", suggestions = [], isLive = true, isMono = false, isNumber = false, ...about }: LineProps): ReactNode {
  const { readOnlyReason } = useEditing();
  const draft = useDraft(shown, commit, isLive);
  const own = useOwnField(entryPath);
  const listId = useId();
  const press = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === "Enter" || event.key === "Escape") draft.write();
    if (event.key === "Escape") leave(event);
    const step = isNumber ? { ArrowUp: 1, ArrowDown: -1 }[event.key] : undefined;
    if (step === undefined || Number.isNaN(Number(draft.value || placeholder))) return;
    event.preventDefault();
    draft.onChange(String(Number(draft.value || placeholder) + step * (event.shiftKey ? 10 : 1)));
  };
  const isChoice = suggestions.length > 0;
  return (
    <span className={isChoice ? styles.select : styles.line}>
      <input
        {...about}
        {...own}
        type="text"
        inputMode={isNumber ? "decimal" : undefined}
        autoComplete="off"
        spellCheck={false}
        className={cx(styles.control, isMono && styles.mono)}
        disabled={readOnlyReason !== undefined}
        title={readOnlyReason}
        placeholder={placeholder}
        list={isChoice ? listId : undefined}
        value={draft.value}
        onChange={({ target }) => draft.onChange(target.value)}
        onBlur={() => (own.onBlur(), draft.write())}
        onKeyDown={press}
      />
      {isChoice ? (
        <>
          <ChevronDown size={14} aria-hidden="true" />
          <datalist id={listId}>
            {suggestions.map((each) => <option key={each} value={each} />)}
          </datalist>
        </>
      ) : null}
    </span>
  );
}

/** Escape leads from a field to the panel, and from there to the canvas. */
export function leave({ currentTarget, nativeEvent }: KeyboardEvent<HTMLElement>): void {
  nativeEvent.stopImmediatePropagation();
  currentTarget.closest<HTMLElement>("[data-panel]")?.focus();
}

export function TextControl({ path, schema, value, ...about }: ControlProps & { readonly suggestions?: readonly string[] }): ReactNode {
  const { write } = useEditing();
  const shown = value === undefined || value === null ? "" : String(value);
  const commit = (typed: string): boolean => write(path, typed === "" ? undefined : typed);
  const placeholder = exampleOf(schema);
  if (shown.includes("\n")) return <Long {...about} path={path} shown={shown} commit={commit} />;
  const suggestions = about.suggestions ?? (schema.examples ?? []).filter((each) => typeof each === "string");
  return <Line {...about} path={path} shown={shown} commit={commit} placeholder={placeholder} suggestions={suggestions.length > 1 ? suggestions : []} isMono={isPathLike(path)} />;
}

/** Files, expressions and ids read better in a font of equal widths. */
const isPathLike = (path: Path): boolean => /(path|file|dir|cwd|source|destination|condition|expression|pattern)/.test(String(path.at(-1)));

export function LongTextControl({ path, schema, value, ...about }: ControlProps): ReactNode {
  const { write } = useEditing();
  return (
    <Long
      {...about}
      path={path}
      placeholder={exampleOf(schema)}
      shown={value === undefined || value === null ? "" : String(value)}
      commit={(typed) => write(path, typed === "" ? undefined : typed)}
    />
  );
}

function Long({ path, shown, commit, placeholder = "", ...about }: Labelled & Pick<LineProps, "path" | "shown" | "commit" | "placeholder">): ReactNode {
  const { readOnlyReason } = useEditing();
  const draft = useDraft(shown, commit);
  const own = useOwnField(["config", ...path]);
  return (
    <textarea
      {...about}
      {...own}
      className={cx(styles.control, styles.long)}
      readOnly={readOnlyReason !== undefined}
      title={readOnlyReason}
      placeholder={placeholder}
      value={draft.value}
      onChange={({ target }) => draft.onChange(target.value)}
      onBlur={() => (own.onBlur(), draft.write())}
      onKeyDown={(event) => event.key === "Escape" && (draft.write(), leave(event))}
    />
  );
}

export function NumberControl({ path, schema, value, ...about }: ControlProps): ReactNode {
  const { write } = useEditing();
  return (
    <Line
      {...about}
      path={path}
      shown={value === undefined || value === null ? "" : String(value)}
      commit={(typed) => write(path, numberOf(typed))}
      placeholder={exampleOf(schema)}
      isNumber
    />
  );
}

/** A value of any kind on one line. */
export function AnyLine({ path, schema, value, ...about }: ControlProps): ReactNode {
  const { write } = useEditing();
  return <Line {...about} path={path} shown={typedOf(value)} commit={(typed) => write(path, valueOf(typed))} placeholder={exampleOf(schema)} isMono />;
}

export function ChoiceControl({ path, schema, value, ...about }: ControlProps): ReactNode {
  const { write } = useEditing();
  const words = (schema.enum ?? []).map(String);
  const nothing = schema.default === undefined ? "Not set" : `${String(schema.default)} (default)`;
  return <Select {...about} path={path} value={value === undefined ? "" : String(value)} words={words} nothing={nothing} onChoose={(word) => write(path, word === "" ? undefined : word)} />;
}

/** One of several words; one that is not among them stays until another is chosen. */
export function Select({ path, value, words, nothing, onChoose, ...about }: Labelled & {
  readonly path: Path;
  readonly value: string;
  readonly words: readonly string[];
  /** What stands for no word; without it there is always one. */
  readonly nothing?: string;
  readonly onChoose: (word: string) => void;
}): ReactNode {
  const { readOnlyReason } = useEditing();
  const own = useOwnField(["config", ...path]);
  return (
    <span className={styles.select}>
      <select
        {...about}
        {...own}
        className={styles.control}
        disabled={readOnlyReason !== undefined}
        title={readOnlyReason}
        data-empty={value === "" || undefined}
        value={value}
        onChange={({ target }) => onChoose(target.value)}
      >
        {nothing === undefined ? null : <option value="">{nothing}</option>}
        {value === "" || words.includes(value) ? null : <option>{value}</option>}
        {words.map((word) => <option key={word}>{word}</option>)}
      </select>
      <ChevronDown size={14} aria-hidden="true" />
    </span>
  );
}

/** Yes or no. What a runner takes anyway is not written. */
export function FlagControl({ path, schema, value, ...about }: ControlProps): ReactNode {
  const { write, readOnlyReason } = useEditing();
  const otherwise = schema.default === true;
  return (
    <input
      {...about}
      type="checkbox"
      className={styles.check}
      disabled={readOnlyReason !== undefined}
      title={readOnlyReason}
      checked={typeof value === "boolean" ? value : otherwise}
      onChange={({ target }) => write(path, target.checked === otherwise ? undefined : target.checked)}
    />
  );
}
