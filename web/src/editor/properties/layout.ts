/**
 * Which fields of a step stand in which section of its form. Everything follows from the schema of its
 * type; the names here only say what belongs together and what is needed most.
 */
import type { Json, JsonObject, Path } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { getAt, isObject } from "./paths";

export interface FormField {
  readonly path: Path;
  readonly schema: JsonSchema;
  /** Whether two such fields fit beside each other. */
  readonly isShort: boolean;
}

export interface FormSection {
  readonly id: string;
  /** Null for the first one, which needs none. */
  readonly title: string | null;
  readonly about: string;
  readonly fields: readonly FormField[];
  /** Whether it begins folded: nothing of it is set, and it is seldom needed. */
  readonly isSeldom: boolean;
}

/** Fields of maps that are needed most and so stand at the top, with titles that do without that of the map. */
const FIRST: readonly (readonly [path: Path, title?: string])[] = [
  [["claude_options", "model"]],
  [["claude_options", "max_turns"]],
  [["session_config", "session_name"], "Session"],
];

const TOOLS: Path = ["claude_options", "allowed_tools"];
const OUTPUT: readonly string[] = ["output_to_file", "output_schema"];
const RUNNING: readonly string[] = ["condition", "timeout_seconds", "continue_on_error", "role"];
const LAST: readonly string[] = ["description"];

/** The sections of a form, without those that have no fields. `schema` is that of a step's `config`, `slots` the lists of its steps. */
export function sectionsOf(schema: JsonSchema | undefined, config: JsonObject, slots: readonly string[] = []): FormSection[] {
  const known = schema?.properties ?? {};
  const keys = Object.keys(known);
  const needed = new Set(schema?.required ?? []);
  const isOf = (names: readonly string[]) => (key: string): boolean => names.includes(key) && !needed.has(key);
  const special = [...OUTPUT, ...RUNNING, ...LAST];
  const own = keys.filter((key) => needed.has(key) || !special.includes(key));
  const simple = own.filter((key) => isOneLine(known[key]));
  const large = own.filter((key) => !isOneLine(known[key]));
  const field = (path: Path): FormField | null => fieldAt(schema, path);
  const fields = (names: readonly string[]): FormField[] => names.flatMap((key) => field([key]) ?? []);
  const inner = (key: string): FormField[] => innerFields(schema, key, config);
  const first = FIRST.flatMap(([path, title]) => titled(field(path), title));

  const sections: FormSection[] = [
    section("general", null, "", [...required(fields(simple), needed), ...first, ...others(fields(simple), needed), ...fields(keys.filter(isOf(LAST)))]),
    ...large.flatMap((key) => {
      const each = known[key] as JsonSchema;
      const content = each.properties ? inner(key) : fields([key]);
      const isSeldom = !needed.has(key) && !ALWAYS.includes(key) && content.every(({ path }) => getAt(config, path) === undefined);
      return [section(key, each.title ?? key, each.description ?? "", content, isSeldom)];
    }),
    ...toolsOf(field(TOOLS)),
    section("output", "Output", "", fields(keys.filter(isOf(OUTPUT)))),
    section("running", "When it runs", "", fields(keys.filter(isOf(RUNNING))), RUNNING.every((key) => config[key] === undefined)),
    section("others", "Other keys", "Nothing is known of them; they are kept.", unknownFields(known, config, []).filter(({ path: [key] }) => !slots.includes(String(key)) || !isEmpty(config[String(key)]))),
  ];
  return ordered(sections.filter((each) => each.fields.length > 0));
}

/** What a file has around the steps of a slot stays behind without them. */
const isEmpty = (value: Json | undefined): boolean => typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** Lists and maps that a form is opened for. */
const ALWAYS: readonly string[] = ["prompt", "tasks", "variables", "operations", "inputs"];

const titled = (field: FormField | null, title = field?.schema.title): FormField[] =>
  field === null ? [] : [title === field.schema.title ? field : { ...field, schema: { ...field.schema, title: title ?? "" } }];

const section = (id: string, title: string | null, about: string, fields: readonly FormField[], isSeldom = false): FormSection => {
  return { id, title, about, fields, isSeldom };
};

const toolsOf = (field: FormField | null): FormSection[] =>
  field === null ? [] : [section("tools", "Tools", field.schema.description ?? "", [field])];

/** The prompt comes first, options of the model come last. */
const RANKS: readonly string[] = ["general", "prompt", "tasks", "parallel_tasks", "conversation", "tools"];
const rank = ({ id, isSeldom }: FormSection): number => {
  const at = RANKS.indexOf(id);
  if (at >= 0) return at;
  if (id === "others") return 90;
  return id === "output" ? 50 : id === "running" ? 60 : isSeldom || id === "claude_options" ? 70 : 40;
};
const ordered = (sections: readonly FormSection[]): FormSection[] => [...sections].sort((a, b) => rank(a) - rank(b));

const required = (fields: readonly FormField[], needed: ReadonlySet<string>): FormField[] =>
  fields.filter(({ path }) => needed.has(String(path[0])));
const others = (fields: readonly FormField[], needed: ReadonlySet<string>): FormField[] =>
  fields.filter(({ path }) => !needed.has(String(path[0])));

/** The rule at a path of keys, as a field; null where there is none. */
function fieldAt(schema: JsonSchema | undefined, path: Path): FormField | null {
  let at = schema;
  for (const key of path) at = at?.properties?.[key];
  return at === undefined ? null : { path, schema: at, isShort: isShort(at, path) };
}

/** The fields that a schema gives a map at a path, and the keys of it that nobody has declared. */
export function fieldsIn(schema: JsonSchema | undefined, map: Json | undefined, path: Path): FormField[] {
  const known = schema?.properties ?? {};
  const declared = Object.entries(known).map(([key, each]) => ({ path: [...path, key], schema: each, isShort: isShort(each, [key]) }));
  return [...declared, ...unknownFields(known, map, path)];
}

/** What stands in a map, without what stands elsewhere in the form, and with the keys that nobody has declared. */
function innerFields(schema: JsonSchema | undefined, key: string, config: JsonObject): FormField[] {
  const known = schema?.properties?.[key]?.properties ?? {};
  const elsewhere = [...FIRST.map(([path]) => path), TOOLS].filter(([outer]) => outer === key).map(([, name]) => name);
  const declared = Object.keys(known).filter((name) => !elsewhere.includes(name));
  return [...declared.flatMap((name) => fieldAt(schema, [key, name]) ?? []), ...unknownFields(known, config[key], [key])];
}

/** Fields for the keys of a map that its schema does not name. */
export function unknownFields(known: Readonly<Record<string, JsonSchema>>, map: Json | undefined, path: Path): FormField[] {
  const keys = isObject(map) ? Object.keys(map).filter((key) => !Object.hasOwn(known, key)) : [];
  return keys.map((key) => ({ path: [...path, key], schema: { title: key }, isShort: false }));
}

/** Whether a form shows it without a section of its own. */
function isOneLine(schema: JsonSchema | undefined): boolean {
  if (schema === undefined) return false;
  const types = [schema.type ?? [], ...(schema.anyOf ?? []).map(({ type }) => type ?? [])].flat();
  const isListOfTexts = schema.type === "array" && schema.items?.type === "string";
  return isListOfTexts || types.some((type) => type !== "array" && type !== "object") || (types.length === 0 && !schema.anyOf);
}

function isShort({ type, enum: words }: JsonSchema, path: Path): boolean {
  return words !== undefined || type === "integer" || type === "number" || path.at(-1) === "model";
}

/** Rows of a form: short fields in pairs, all others alone. */
export function rowsOf(fields: readonly FormField[]): FormField[][] {
  const rows: FormField[][] = [];
  for (const field of fields) {
    const last = rows.at(-1);
    if (last?.length === 1 && last[0]?.isShort && field.isShort) last.push(field);
    else rows.push([field]);
  }
  return rows;
}
