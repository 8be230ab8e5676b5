/** A prompt: parts of several kinds in their order. */
import { ChevronDown, CornerDownRight, FileText, MessagesSquare, Plus, SquareDashed, StepForward, Type, type LucideIcon } from "lucide-react";
import type { Json, JsonObject, Path } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { Button } from "../../ui/Button";
import { Menu, type MenuItems } from "../../ui/Menu";
import { AnyValue } from "./AnyValue";
import { Cards } from "./Cards";
import { checkValue } from "./checkValue";
import { TextControl } from "./controls";
import { useEditing } from "./editing";
import type { FieldProps } from "./Field";
import { FromStep } from "./FromStep";
import styles from "./Form.module.css";
import { Reason, Wrong } from "./Frame";
import { type FormField, unknownFields } from "./layout";
import { changeList, isList, isObject, setAt } from "./paths";
import { Rows } from "./Rows";
import { SharedText } from "./SharedText";
import { own } from "../../own";

const ICONS: Readonly<Record<string, LucideIcon>> = {
  static: Type,
  file: FileText,
  previous_response: CornerDownRight,
  session_context: MessagesSquare,
  claude_continue: StepForward,
};
const iconOf = (type: string): LucideIcon => own(ICONS, type) ?? SquareDashed;

interface Kind {
  readonly type: string;
  readonly title: string;
  readonly about: string;
  readonly schema: JsonSchema;
}

/** The kinds of parts that a schema knows, by the word in `type`. */
const kindsOf = (schema: JsonSchema): Kind[] =>
  (promptRule(schema).items?.oneOf ?? []).map((each) => {
    const type = each.properties?.["type"];
    return { type: String(type?.const ?? ""), title: each.title ?? "", about: type?.description ?? "", schema: each };
  });

const promptRule = (schema: JsonSchema): JsonSchema => schema.anyOf?.find(({ items }) => items?.oneOf) ?? schema;

export function Prompt({ path, schema, value }: FieldProps): ReactNode {
  const kinds = kindsOf(schema);
  const [added, setAdded] = useState(-1);
  const parts = isList(value) ? value : [];
  const head = (part: Json, at: number): ReactNode => <PartHead path={[...path, at]} part={part} kinds={kinds} at={at} />;
  const body = (part: Json, at: number): ReactNode => <PartBody path={[...path, at]} part={part} kinds={kinds} isFocused={at === added} />;
  return (
    <div className={styles.list}>
      <Wrong path={["config", ...path]} reason={checkValue({ ...promptRule(schema), items: {} }, value)} />
      <Cards path={path} items={parts} noun="part" head={head} body={body} />
      <AddPart path={path} kinds={kinds} onAdded={setAdded} count={parts.length} />
    </div>
  );
}

function AddPart({ path, kinds, onAdded, count }: {
  readonly path: Path;
  readonly kinds: readonly Kind[];
  readonly onAdded: (at: number) => void;
  readonly count: number;
}): ReactNode {
  const { change, readOnlyReason } = useEditing();
  const add = (kind: Kind): void => {
    if (change((config) => changeList(config, path, (list) => [...list, newPart(kind)]))) onAdded(count);
  };
  const items: MenuItems = kinds.map((kind) => ({ label: kind.title, icon: icon(kind.type), onSelect: () => add(kind) }));
  if (readOnlyReason !== undefined) {
    return <Button variant="ghost" icon={<Plus size={14} />} className={styles.add} disabledReason={readOnlyReason}>Add part</Button>;
  }
  return (
    <Menu
      label="Kind of the new part"
      items={items}
      trigger={(trigger) => (
        <Button variant="ghost" icon={<Plus size={14} />} className={styles.add} {...trigger}>
          Add part
        </Button>
      )}
    />
  );
}

function icon(type: string): ReactNode {
  const Icon = iconOf(type);
  return <Icon size={14} />;
}

const neededBy = ({ schema }: Kind): string => schema.required?.find((key) => key !== "type") ?? "";

/** A part with nothing in it but an empty text where one is to be typed. */
const newPart = (kind: Kind): JsonObject => ({ type: kind.type, [neededBy(kind)]: "" });

/** The same part as another kind: what both have stays, and so does what nobody has declared. */
function asKind(part: JsonObject, former: Kind | undefined, kind: Kind): JsonObject {
  const dropped = Object.keys(former?.schema.properties ?? {}).filter((key) => !kind.schema.properties?.[key]);
  const kept = Object.entries(part).filter(([key]) => !dropped.includes(key));
  return { ...newPart(kind), ...Object.fromEntries(kept), type: kind.type };
}

function PartHead({ path, part, kinds, at }: { readonly path: Path; readonly part: Json; readonly kinds: readonly Kind[]; readonly at: number }): ReactNode {
  const { write, readOnlyReason } = useEditing();
  const type = isObject(part) && typeof part["type"] === "string" ? part["type"] : "";
  const kind = kinds.find((each) => each.type === type);
  const title = kind?.title ?? (type || "No kind");
  const items: MenuItems = kinds.map((each) => ({
    label: each.title,
    icon: icon(each.type),
    checked: each.type === type,
    onSelect: () => each.type !== type && write(path, asKind(isObject(part) ? part : {}, kind, each)),
  }));
  const name = <>{icon(type)} {title}</>;
  return (
    <>
      {readOnlyReason === undefined ? (
        <Menu
          label={`Kind of part ${at + 1}`}
          items={items}
          trigger={(trigger) => (
            <button type="button" className={styles.kind} title={kind?.about ?? "Choose a kind"} {...trigger}>
              {name} <ChevronDown size={12} aria-hidden="true" />
            </button>
          )}
        />
      ) : (
        <span className={styles.kind} title={readOnlyReason}>{name}</span>
      )}
      <span className={styles.tokens}>{tokensOf(part)}</span>
    </>
  );
}

/** About four characters make a token. */
function tokensOf(part: Json): string {
  const text = isObject(part) && part["type"] === "static" ? part["content"] : undefined;
  if (typeof text !== "string") return "";
  const count = Math.ceil(text.length / 4);
  return `${count} ${count === 1 ? "token" : "tokens"}`;
}

function PartBody({ path, part, kinds, isFocused }: { readonly path: Path; readonly part: Json; readonly kinds: readonly Kind[]; readonly isFocused: boolean }): ReactNode {
  const kind = isObject(part) ? kinds.find(({ type }) => type === part["type"]) : undefined;
  if (!isObject(part)) {
    return (
      <div className={styles.cardBody}>
        <Reason severity="error">Expected a part with a kind, got this</Reason>
        <AnyValue id={`part-${path.join("-")}`} aria-describedby="" aria-invalid path={path} schema={{ title: "Part" }} value={part} />
      </div>
    );
  }
  if (kind === undefined) {
    const unknown = unknownFields({ type: {} }, part, path);
    return (
      <div className={styles.cardBody}>
        <Reason severity="error">No such kind of part: choose one above</Reason>
        <Rows fields={unknown} map={part} />
      </div>
    );
  }
  return <KnownPart path={path} part={part} kind={kind} isFocused={isFocused} />;
}

function KnownPart({ path, part, kind, isFocused }: { readonly path: Path; readonly part: JsonObject; readonly kind: Kind; readonly isFocused: boolean }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const needed = neededBy(kind);
  const shown = kind.type === "previous_response" ? ["type", needed, "extract"] : ["type", needed];
  const known = kind.schema.properties ?? {};
  const rest = Object.entries(known).filter(([key]) => !shown.includes(key));
  const fields: FormField[] = rest
    .filter(([key]) => isOpen || part[key] !== undefined)
    .map(([key, each]) => ({ path: [...path, key], schema: each, isShort: false }));
  const hidden = rest.length - fields.length;
  return (
    <div className={styles.cardBody} data-text={kind.type === "static" || undefined}>
      <Needed path={[...path, needed]} schema={known[needed] ?? {}} value={part[needed]} part={part} kind={kind} isFocused={isFocused} />
      <Rows fields={[...fields, ...unknownFields(known, part, path)]} map={part} />
      {hidden > 0 || isOpen ? (
        <button type="button" className={styles.link} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Less" : "More"}
        </button>
      ) : null}
    </div>
  );
}

/** The field without which a part is nothing: it needs no title, the kind says what it is. */
function Needed({ path, schema, value, part, kind, isFocused }: FieldProps & { readonly part: JsonObject; readonly kind: Kind; readonly isFocused: boolean }): ReactNode {
  const id = `needed-${path.join("-")}`;
  const label = schema.title ?? kind.title;
  const about = { id, "aria-label": label, "aria-describedby": `${id}-wrong`, "aria-invalid": undefined };
  const isText = kind.type === "static" && (value === undefined || typeof value === "string");
  return (
    <>
      {isText ? (
        <SharedText {...about} path={path} value={value} label={label} placeholder={String(schema.examples?.[0] ?? "")} isFocused={isFocused} />
      ) : kind.type === "previous_response" ? (
        <FromStep {...about} path={path.slice(0, -1)} part={part} />
      ) : typeof value === "object" ? (
        <AnyValue {...about} path={path} schema={schema} value={value} />
      ) : (
        <TextControl {...about} path={path} schema={schema} value={value} />
      )}
      <Wrong id={`${id}-wrong`} path={["config", ...path]} reason={checkValue(schema, value)} />
    </>
  );
}

/** A prompt that is one text becomes a list with that text as its only part. */
export function AsParts({ path, value }: { readonly path: Path; readonly value: string }): ReactNode {
  const { change, readOnlyReason } = useEditing();
  return (
    <button
      type="button"
      className={styles.link}
      disabled={readOnlyReason !== undefined}
      title={readOnlyReason}
      onClick={() => change((config) => setAt(config, path, [{ type: "static", content: value }]))}
    >
      Make it a list of parts
    </button>
  );
}
