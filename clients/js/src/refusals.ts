/** Why an edit was not made. Verbs return refusals and throw nothing. */
import { isEntryId, isObject, isPlain, type Json, type JsonObject, lengthOf, scrubbed } from "./values.js";
import { type Field, FARTHEST, LARGEST_NUMBER, MAX_LEVELS, MAX_ORDER, MAX_TAG, MAX_TAGS } from "./schema.js";

export interface Refusal {
  /**
   * `invalid_edit`: a value that no pipeline may hold. `unknown_entry`: a step or connection that is
   * not there (somebody may just have deleted it). `edit_conflict`: a name, cycle or connection that
   * is there already. `read_only`: the user may only read.
   */
  readonly code: "invalid_edit" | "unknown_entry" | "edit_conflict" | "read_only";
  readonly field: string | null;
  readonly message: string;
}

/** What came of an edit: what it made, or why nothing was changed. */
export type Outcome<T = object> = ({ readonly ok: true } & T) | { readonly ok: false; readonly refused: Refusal };

/** Thrown inside of verbs only, before anything is written. */
export class Refused extends Error {
  constructor(
    readonly code: Refusal["code"],
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

export const invalid = (message: string, field: string | null = null): Refused =>
  new Refused("invalid_edit", message, field);

export const unknown = (what: string, id: unknown, field: string | null = null): Refused =>
  new Refused("unknown_entry", `no ${what} ${shown(id)}: check the id`, field);

const MAX_ENTRY = 1024 * 1024;
const BASE_62 = /^[0-9A-Za-z]+$/;

/** Describe a value for a message, in a few words. */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
  if (Array.isArray(value)) return value.length > 0 ? "a list" : "an empty list";
  if (typeof value === "object" && value !== null) return "a map";
  return value === null || value === undefined ? "nothing" : String(value);
}

export function checkId(id: unknown): asserts id is string {
  if (!isEntryId(id)) {
    throw invalid(`expected a lower-case UUID, got ${shown(id)}`, "id");
  }
}

/**
 * Refuse unknown fields and values that do not fit; return a copy without undefined members, which
 * later changes by the caller do not reach.
 */
export function checked(table: Readonly<Record<string, Field>>, fields: object): JsonObject {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  const copy = Object.fromEntries(entries.map(([name, value]) => [name, storable(value, name)]));
  for (const [name, value] of Object.entries(copy)) checkField(table, name, value);
  const size = JSON.stringify(copy).length;
  if (size > MAX_ENTRY) {
    throw invalid(`expected at most ${MAX_ENTRY} characters of JSON, got ${size}`);
  }
  return copy;
}

function checkField(table: Readonly<Record<string, Field>>, name: string, value: Json): void {
  const field = Object.hasOwn(table, name) ? table[name] : undefined;
  if (field === undefined) {
    const names = Object.keys(table).join(", ");
    throw invalid(`no such field; there are ${names}`, name);
  }
  if (!accepts(field, value)) {
    throw invalid(`expected ${expected(field)}, got ${shown(value)}`, name);
  }
}

function expected({ kind, limit, words, keys }: Field): string {
  if (kind === "text") return `a text of up to ${limit} characters`;
  return words?.join(", ") ?? (keys ? `numbers ${keys.join(" and ")} within bounds` : EXPECTED[kind]) ?? "JSON";
}

const EXPECTED: Readonly<Record<string, string>> = {
  flag: "true or false",
  object: "a map",
  id: "a lower-case UUID",
  order: "a fractional index such as a0",
  tags: `up to ${MAX_TAGS} different texts`,
};

/** Refuse a new entry that lacks a field which has no default. */
export function checkRequired(table: Readonly<Record<string, Field>>, fields: JsonObject): void {
  for (const [name, field] of Object.entries(table)) {
    if (field.required && !Object.hasOwn(fields, name)) {
      throw invalid(`expected ${expected(field)}, got nothing`, name);
    }
  }
}

/** Whether an edit may write the value. */
export function accepts(field: Field, value: Json): boolean {
  return (value === null && field.nullable === true) || isOfKind(field, value);
}

/** Whether a value is one of the field's kind. */
export function isOfKind(field: Field, value: Json): boolean {
  switch (field.kind) {
    case "flag":
      return typeof value === "boolean";
    case "text":
      return isTextUpTo(value, field.limit ?? 0, field.blank);
    case "choice":
      return typeof value === "string" && (field.words ?? []).includes(value);
    case "json":
      return true;
    case "object":
      return isObject(value);
    case "id":
      return isEntryId(value);
    case "order":
      return typeof value === "string" && isOrderKey(value);
    case "pair":
      return isObject(value) && Object.keys(value).length === 2 && isPair(field, value);
    case "tags":
      return isTags(value);
  }
}

/** Whether both numbers of a pair are there and within bounds. */
export function isPair(field: Field, value: JsonObject): boolean {
  return (field.keys ?? []).every((key) => {
    const number = Object.hasOwn(value, key) ? value[key] : null;
    return typeof number === "number" && number > (field.above ?? 0) && number <= FARTHEST;
  });
}

const isTextUpTo = (value: Json | undefined, limit: number, blank = false): boolean =>
  typeof value === "string" && lengthOf(value) <= limit && (blank || value.trim() !== "");

const isTags = (value: Json): boolean =>
  Array.isArray(value) &&
  value.length <= MAX_TAGS &&
  value.every((tag: Json) => isTextUpTo(tag, MAX_TAG)) &&
  new Set(value).size === value.length;

/** Whether a text is an order key beside which `fractional-indexing` can make others. */
export function isOrderKey(text: string): boolean {
  if (text.length > MAX_ORDER || !BASE_62.test(text)) return false;
  const head = text.charCodeAt(0);
  const length = head >= 97 ? head - 95 : head >= 65 ? 92 - head : 0;
  const isSmallest = text === `A${"0".repeat(26)}`;
  return length > 0 && length <= text.length && !isSmallest && !text.slice(length).endsWith("0");
}

/** Copy a value as JSON, without undefined members; refuse what documents and tables cannot hold. */
export function storable(value: unknown, field: string, level = 2): Json {
  const refuse = (why: string): Refused => invalid(why, field);
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (scrubbed(value) !== value) throw refuse("holds NUL or half a surrogate pair: leave it out");
    return value;
  }
  if (typeof value === "number") {
    if (Math.abs(value) <= LARGEST_NUMBER) return value;
    throw refuse("holds a number that is not finite or beyond 1e308: write it as a text");
  }
  if (level > MAX_LEVELS) throw refuse(`is nested deeper than ${MAX_LEVELS} levels: flatten it`);
  if (Array.isArray(value)) return value.map((item) => storable(item, field, level + 1));
  if (!isPlain(value)) throw refuse(`expected JSON, got ${shown(value)}`);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.map(([key, item]) => [storable(key, field) as string, storable(item, field, level + 1)]),
  );
}

