/** JSON values of unknown origin: read out of a document, made storable, compared. */
import * as Y from "yjs";
import { LARGEST_NUMBER, MAX_LEVELS } from "./schema.js";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** What a value had to be changed for; the names are those of diagnostics. */
export type Fault = "unstorable_text" | "unstorable_number" | "nested_too_deep";

const READ_LEVELS = 4 * MAX_LEVELS;
const UNSTORABLE = /\0|[\ud800-\udfff]/gu;
const ENTRY_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a value is the key of an entry: a lower-case UUID (RFC 9562). */
export const isEntryId = (value: unknown): value is string =>
  typeof value === "string" && ENTRY_ID.test(value);

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a value is an object without a class. */
export const isPlain = (value: unknown): value is Record<string, unknown> => {
  const prototype: unknown = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
  return prototype === null || prototype === Object.prototype;
};

/** Return a value if it is a text, else what stands for it. */
export const textOr = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);

/** Read an own member of an object: "constructor" is a key like any other. */
export const member = (object: JsonObject, key: string): Json =>
  Object.hasOwn(object, key) ? (object[key] ?? null) : null;

export const isMap = (value: unknown): value is Y.Map<unknown> =>
  value instanceof Y.Map && !(value instanceof Y.XmlHook);

export const isText = (value: unknown): value is Y.Text =>
  value instanceof Y.Text && !(value instanceof Y.XmlText);

/**
 * Read a shared type or a plain value as JSON, whatever it is. What JSON lacks is read as null,
 * bytes as a list of numbers, and a subdocument as its guid.
 */
export function read(value: unknown, level = 0): Json {
  if (level > READ_LEVELS) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" || typeof value === "bigint") return finite(Number(value));
  if (isMap(value)) return object(value.entries(), level);
  if (value instanceof Y.Array) return value.toArray().map((item) => read(item, level + 1));
  if (value instanceof Y.AbstractType) {
    try {
      return String(value);
    } catch {
      // XML may hold objects as attributes and embeds, some of which cannot be turned into a text.
      return "";
    }
  }
  if (value instanceof Y.Doc) return { guid: value.guid };
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map((item) => read(item, level + 1));
  return value instanceof Object ? object(Object.entries(value), level) : null;
}

const finite = (value: number): Json => (Number.isFinite(value) ? value : null);

// `fromEntries` defines members, where an assignment to "__proto__" would replace the prototype.
const object = (entries: Iterable<[string, unknown]>, level: number): JsonObject =>
  Object.fromEntries(Array.from(entries, ([key, item]) => [key, read(item, level + 1)]));

/** Return a value with everything replaced that PostgreSQL refuses; `faults` collects why. */
export function clean(value: Json, faults: Set<Fault>, level = 1): Json {
  if (typeof value === "string") return cleanText(value, faults);
  if (typeof value === "number" && Math.abs(value) > LARGEST_NUMBER) {
    faults.add("unstorable_number");
    return null;
  }
  if (typeof value !== "object" || value === null) return value;
  if (level > MAX_LEVELS) {
    faults.add("nested_too_deep");
    return null;
  }
  if (Array.isArray(value)) return value.map((item: Json) => clean(item, faults, level + 1));
  const entries = Object.entries(value);
  // Two keys may become one; sorted, the key that had U+FFFD comes last and wins.
  if (entries.some(([key]) => scrubbed(key) !== key)) entries.sort(([a], [b]) => compare(a, b));
  return Object.fromEntries(
    entries.map(([key, item]) => [cleanText(key, faults), clean(item, faults, level + 1)]),
  );
}

function cleanText(text: string, faults: Set<Fault>): string {
  const result = scrubbed(text);
  if (result !== text) faults.add("unstorable_text");
  return result;
}

/** Replace what PostgreSQL cannot store in a text, NUL and half characters, by U+FFFD. */
export const scrubbed = (text: string): string => text.replace(UNSTORABLE, "\ufffd");

/** Cut a text to so many code points. */
export const cut = (text: string, limit: number): string =>
  text.length <= limit ? text : [...text].slice(0, limit).join("");

/** Count the code points of a text, as the server does. */
export const lengthOf = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** Compare texts by code point, as the server does; `<` compares UTF-16 units. */
export function compare(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

// Surrogates stand for code points above those of all other units.
const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

/** Whether two JSON values are one value. */
export function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, at) => same(item, other[at]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && same(one[key], other[key]))
  );
}

/** Return a value with a JSON merge patch applied (RFC 7396, section 2). */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key) ?? null, value));
  }
  return Object.fromEntries(merged);
}

/** Add to the list under a key. */
export function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
