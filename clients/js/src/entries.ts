/** What one entry of a document declares by itself, whatever its author wrote (`crdt/validation/entries.py`). */
import { isOfKind, isOrderKey, isPair } from "./refusals.js";
import {
  CONNECTION,
  type DiagnosticCode,
  type Field,
  MAIN_SLOT,
  MAX_NAME,
  MAX_SLOT,
  MAX_TAG,
  MAX_TAGS,
  MAX_TYPE,
  SETTINGS,
  type Settings,
  SEVERITIES,
  STEP,
  STEP_TYPES,
  UNNAMED_PIPELINE,
  UNNAMED_STEP,
  UNSUPPORTED,
} from "./schema.js";
import { clean, cut, type Fault, isEntryId, isObject, type Json, type JsonObject, lengthOf, member, textOr } from "./values.js";

/**
 * Where the document differs from what is shown of it, as the server reports it. `subject` is
 * "pipeline", "step:<id>" or "connection:<id>"; `path` a JSON pointer from the subject's entry.
 */
export interface Diagnostic {
  readonly code: string;
  readonly subject: string;
  readonly severity: "error" | "warning";
  readonly path: string;
  /** Of a diagnostic that the server has found. `explained` has the words for all. */
  readonly message?: string;
  readonly suggestion?: string;
}

export const diagnostic = (code: DiagnosticCode, subject: string, path = ""): Diagnostic => {
  return { code, subject, path, severity: SEVERITIES[code] };
};

/** Read what the server has found and this library does not look for, from the map `diagnostics`. */
export function serversDiagnostic(raw: Json): Diagnostic | null {
  const value = isObject(raw) ? raw : {};
  const text = (key: string): string => textOr(member(value, key), "");
  const [code, subject] = [text("code"), text("subject")];
  if (!code || !subject || Object.hasOwn(SEVERITIES, code)) return null;
  const severity = text("severity") === "error" ? "error" : "warning";
  return { code, subject, severity, message: text("message"), path: text("path"), suggestion: text("suggestion") };
}

/** What an entry comes to; null if nothing of it can be shown. */
export interface Read<T> {
  readonly value: T | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** A step by itself: `parent` and `slot` are what it asks for, `name` is not unique yet. */
export interface StepEntry {
  readonly name: string;
  readonly type: string;
  readonly supported: boolean;
  readonly parent: string | null;
  readonly slot: string;
  readonly order: string;
  /** The fields that no other entry has a say in. */
  readonly own: JsonObject;
}

/** A connection by itself; whether its ends exist is not known yet. */
export interface ConnectionEntry {
  readonly from_step_id: string;
  readonly to_step_id: string;
  readonly from_output: string;
  readonly to_input: string;
  readonly own: JsonObject;
}

/** Reads one map field by field, and notes what was changed. */
class Fields {
  readonly faults: Set<Fault>;
  readonly #notes: Map<DiagnosticCode, string>;
  readonly #raw: JsonObject;

  /** With `outer`, the map is a value of that one, which collects what is noted. */
  constructor(raw: Json, outer?: Fields) {
    this.#raw = isObject(raw) ? raw : {};
    this.faults = outer?.faults ?? new Set();
    this.#notes = outer ? outer.#notes : new Map();
  }

  note(code: DiagnosticCode, field?: string): void {
    if (!this.#notes.has(code)) this.#notes.set(code, field === undefined ? "" : `/${field}`);
  }

  diagnostics(subject: string): Diagnostic[] {
    for (const fault of this.faults) this.note(fault);
    return [...this.#notes].sort().map(([code, path]) => diagnostic(code, subject, path));
  }

  value(field: string): Json {
    return clean(member(this.#raw, field), this.faults);
  }

  cut(field: string, text: string, limit: number): string {
    if (lengthOf(text) > limit) this.note("text_cut", field);
    return cut(text, limit);
  }

  name(placeholder: string): string {
    const name = this.value("name");
    if (typeof name === "string" && name !== "") return this.cut("name", name, MAX_NAME);
    this.note("missing_name", "name");
    return placeholder;
  }

  /** Read a text of any length; `otherwise` stands for what is none. */
  text<T>(field: string, otherwise: T): string | T {
    const value = this.value(field);
    if (typeof value === "string") return value;
    if (value !== null) this.note("invalid_value", field);
    return otherwise;
  }

  /** Read a field by its declaration: a value of its kind, or else its default. */
  read(name: string, field: Field): Json {
    if (field.kind === "text") {
      const text = this.text(name, field.default);
      return typeof text === "string" ? this.cut(name, text, field.limit ?? 0) : text;
    }
    const value = this.value(name);
    if (value === null) return field.default;
    if (field.kind === "pair" && isObject(value) && isPair(field, value)) {
      return Object.fromEntries((field.keys ?? []).map((key) => [key, member(value, key)]));
    }
    if (field.kind !== "pair" && isOfKind(field, value)) return value;
    this.note("invalid_value", name);
    return field.default;
  }

  /** Read the plain fields, or those of these names. */
  own(table: Readonly<Record<string, Field>>, ...names: readonly string[]): JsonObject {
    const declared = Object.entries(table).filter(([name, { plain }]) => {
      return names.length > 0 ? names.includes(name) : plain;
    });
    return Object.fromEntries(declared.map(([name, field]) => [name, this.read(name, field)]));
  }

  tags(): string[] {
    const value = this.value("tags");
    if (value === null) return [];
    if (!Array.isArray(value)) this.note("invalid_value", "tags");
    const tags: readonly Json[] = Array.isArray(value) ? value : [];
    const texts = tags.filter((tag) => typeof tag === "string");
    if (texts.some((tag) => lengthOf(tag) > MAX_TAG)) this.note("text_cut", "tags");
    const distinct = [...new Set(texts.map((tag) => cut(tag, MAX_TAG)))];
    if (texts.length < tags.length || distinct.length > MAX_TAGS) this.note("invalid_value", "tags");
    return distinct.slice(0, MAX_TAGS);
  }
}

/** Read one entry of `steps`. */
export function stepEntry(key: string, raw: Json): Read<StepEntry> {
  return entry(key, raw, `step:${key}`, (fields) => {
    const type = fields.value("type");
    const supported = (STEP_TYPES as readonly Json[]).includes(type);
    if (!supported) fields.note("unsupported_type", "type");
    const text = fields.cut("type", textOr(type, ""), MAX_TYPE);
    // In the server's order: of several findings of one code, the path leads to the first.
    const name = fields.name(UNNAMED_STEP);
    const plain = fields.own(STEP);
    const parent = fields.text("parent_step_id", null);
    const slot = fields.text("slot", MAIN_SLOT);
    if (lengthOf(slot) > MAX_SLOT) fields.note("text_cut", "slot");
    const order = orderOf(fields);
    const own = { ...plain, ...fields.own(STEP, "position", "size", "config") };
    return { name, type: text || UNSUPPORTED, supported, parent, slot, order, own };
  });
}

function orderOf(fields: Fields): string {
  const value = fields.value("order");
  if (typeof value !== "string") {
    fields.note("invalid_value", "order");
    return "";
  }
  if (!isOrderKey(value)) fields.note("unusable_order", "order");
  return value;
}

/** Read one entry of `connections`. */
export function connectionEntry(key: string, raw: Json): Read<ConnectionEntry> {
  return entry(key, raw, `connection:${key}`, (fields) => {
    const ends = fields.value("ends");
    const from = isObject(ends) ? member(ends, "from_step_id") : null;
    const to = isObject(ends) ? member(ends, "to_step_id") : null;
    if (!isObject(ends) || typeof from !== "string" || typeof to !== "string") {
      fields.note("dangling_connection", "ends");
      return null;
    }
    const ports = new Fields(ends, fields);
    return {
      from_step_id: from,
      to_step_id: to,
      from_output: String(ports.read("from_output", CONNECTION.from_output)),
      to_input: String(ports.read("to_input", CONNECTION.to_input)),
      own: fields.own(CONNECTION),
    };
  });
}

function entry<T>(key: string, raw: Json, subject: string, make: (fields: Fields) => T | null): Read<T> {
  const fields = new Fields(raw);
  let value: T | null = null;
  if (!isEntryId(key)) fields.note("invalid_key");
  else if (isObject(raw)) value = make(fields);
  else {
    fields.note("not_a_map");
    clean(raw, fields.faults);
  }
  return { value, diagnostics: fields.diagnostics(subject) };
}

/** Read the root map `pipeline`, which always comes to something. */
export function settingsEntry(raw: Json): Read<Settings> & { readonly value: Settings } {
  const fields = new Fields(raw);
  const value = {
    name: fields.name(UNNAMED_PIPELINE),
    description: fields.text("description", null),
    ...fields.own(SETTINGS),
    ...fields.own(SETTINGS, "config", "defaults", "authentication"),
    tags: fields.tags(),
  };
  return { value: value as unknown as Settings, diagnostics: fields.diagnostics("pipeline") };
}
