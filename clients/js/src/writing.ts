/**
 * Writes JSON into shared types by the smallest edits, so that concurrent ones survive: a value that
 * is equal is not written, a Y.Text is edited where it differs, a Y.Map merged key by key.
 */
import * as Y from "yjs";
import { CO_EDITED_TEXTS, LISTS_WITH_PROMPTS } from "./schema.js";
import { isMap, isObject, isPlain, isText, type Json, type JsonObject, read, same } from "./values.js";

/** Which shared types the values under the keys of a map become, and which maps are merged. */
interface Shape {
  readonly value: (key: string, value: Json) => unknown;
  readonly item: (value: Json) => unknown;
  readonly merges: (key: string) => boolean;
  readonly inner?: Shape;
}

/**
 * Yjs goes by a value's `constructor`, and refuses an object that has a member of that name (a JSON
 * Schema of a class, say). A Y.Map of the same members is read as the same JSON.
 */
const taken = (value: unknown): unknown =>
  isObject(value) && Object.hasOwn(value, "constructor") ? map(Object.entries(value)) : value;

const has = (words: readonly string[], word: string): boolean => words.includes(word);

const PLAIN: Shape = { value: (_key, value) => taken(value), item: taken, merges: () => true };
const CONFIG: Shape = { value: sharedValue, item: sharedItem, merges: () => true };

export const STEP_SHAPE: Shape = {
  ...PLAIN,
  value: (key, value) => (key === "config" && isObject(value) ? sharedConfig(value) : value),
  merges: (key) => key === "config",
  inner: CONFIG,
};
export const CONNECTION_SHAPE: Shape = { ...PLAIN, merges: () => false };
const SETTINGS_MAPS = ["config", "defaults", "authentication"];
export const SETTINGS_SHAPE: Shape = {
  ...PLAIN,
  value: sharedSetting,
  merges: (key) => has(SETTINGS_MAPS, key),
};

function sharedSetting(key: string, value: Json): unknown {
  if (key === "description" && typeof value === "string") return new Y.Text(value);
  if (key === "tags" && Array.isArray(value)) return Y.Array.from(value);
  return has(SETTINGS_MAPS, key) && isObject(value) ? map(Object.entries(value)) : value;
}

/** Make the Y.Map of a step's config, or of a prompt's part: long texts in it are Y.Text. */
function sharedConfig(config: JsonObject): Y.Map<unknown> {
  return map(Object.entries(config).map(([key, value]) => [key, sharedValue(key, value)]));
}

function sharedValue(key: string, value: Json): unknown {
  if (typeof value === "string" && has(CO_EDITED_TEXTS, key)) return new Y.Text(value);
  if (Array.isArray(value) && (key === "prompt" || has(LISTS_WITH_PROMPTS, key))) {
    const items = new Y.Array<unknown>();
    items.push(value.map(sharedItem));
    return items;
  }
  return isObject(value) ? map(Object.entries(value)) : value;
}

function sharedItem(item: Json): unknown {
  return isObject(item) ? sharedConfig(item) : item;
}

const map = (entries: readonly (readonly [string, unknown])[]): Y.Map<unknown> => {
  const made = new Y.Map<unknown>();
  for (const [key, value] of entries) made.set(key, taken(value));
  return made;
};

/** Return the Y.Map of an entry; one of another type is replaced, and a plain object keeps its fields. */
export function asMap(root: Y.Map<unknown>, key: string): Y.Map<unknown> {
  const entry = root.get(key);
  if (isMap(entry)) return entry;
  root.set(key, map(isPlain(entry) ? Object.entries(entry) : []));
  return root.get(key) as Y.Map<unknown>;
}

/** Make the value under a key equal to the wanted one. */
export function writeEntry(target: Y.Map<unknown>, key: string, wanted: Json, shape: Shape): void {
  const held = target.get(key);
  if (writeInto(held, wanted, shape.merges(key) ? (shape.inner ?? PLAIN) : null)) return;
  if (held instanceof Y.Array && Array.isArray(wanted)) writeList(held, wanted, shape);
  else if (!target.has(key) || isShared(held) || !same(read(held), wanted)) {
    target.set(key, shape.value(key, wanted));
  }
}

/** Make a shared text or map equal to the wanted value, where both are of one kind; return whether they are. */
function writeInto(held: unknown, wanted: Json, shape: Shape | null): boolean {
  if (isText(held) && typeof wanted === "string" && isOnlyText(held)) writeText(held, wanted);
  else if (isMap(held) && isObject(wanted) && shape !== null) writeMap(held, wanted, shape);
  else return false;
  return true;
}

const isShared = (value: unknown): boolean => value instanceof Y.AbstractType || value instanceof Y.Doc;

function writeMap(target: Y.Map<unknown>, wanted: JsonObject, shape: Shape): void {
  for (const key of [...target.keys()]) if (!Object.hasOwn(wanted, key)) target.delete(key);
  for (const [key, value] of Object.entries(wanted)) writeEntry(target, key, value, shape);
}

function writeList(target: Y.Array<unknown>, wanted: readonly Json[], shape: Shape): void {
  const old = target.toArray().map((item) => token(read(item)));
  // From the end, so that the places of the differences before it stay true.
  for (const [i, j, k, m] of differences(old, wanted.map(token), 500).reverse()) {
    const paired = Math.min(j - i, m - k);
    if (m > k + paired) target.insert(i + paired, wanted.slice(k + paired, m).map(shape.item));
    if (j > i + paired) target.delete(i + m - k, j - i - paired);
    for (let at = 0; at < paired; at++) {
      const item = wanted[k + at] ?? null;
      if (!writeInto(target.get(i + at), item, shape)) replaceItem(target, i + at, shape.item(item));
    }
  }
}

function replaceItem(target: Y.Array<unknown>, at: number, value: unknown): void {
  target.delete(at);
  target.insert(at, [value]);
}

/** Write a value as a text: equal values have equal texts. */
const token = (value: Json): string => JSON.stringify(sorted(value));

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)]);
};

const WORDS = /[\p{L}\p{N}_]+|[^\p{L}\p{N}_]/gu;

/** Make a shared text equal to the wanted one, word by word, as far as that is cheap. */
function writeText(text: Y.Text, wanted: string): void {
  const old = text.toString().match(WORDS) ?? [];
  const fresh: readonly string[] = wanted.match(WORDS) ?? [];
  const starts = [0];
  for (const word of old) starts.push((starts.at(-1) ?? 0) + word.length);
  const changes = differences(old, fresh, 400).map(([i, j, k, m]): Splice => {
    return { start: starts[i] ?? 0, end: starts[j] ?? 0, text: fresh.slice(k, m).join("") };
  });
  splice(text, changes.reverse());
}

/** In a text, `text` stands for the UTF-16 units from `start` up to `end`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function splice(text: Y.Text, changes: readonly Splice[]): void {
  for (const { start, end, text: inserted } of changes) {
    if (end > start) text.delete(start, end - start);
    if (inserted !== "") text.insert(start, inserted);
  }
}

/** Whether a shared text holds nothing but characters; an embedded value counts in its length. */
const isOnlyText = (text: Y.Text): boolean => text.length === text.toString().length;

type Difference = readonly [number, number, number, number];

/**
 * Return the slices [i, j) of the old list that are replaced, each by the slice [k, m) of the new
 * one. What both begin and end with is left out; the rest is compared while neither side has more
 * than `most` items, since that costs their product.
 */
function differences(old: readonly string[], fresh: readonly string[], most: number): Difference[] {
  let start = 0;
  while (start < Math.min(old.length, fresh.length) && old[start] === fresh[start]) start += 1;
  let end = 0;
  const shorter = Math.min(old.length, fresh.length) - start;
  while (end < shorter && old[old.length - 1 - end] === fresh[fresh.length - 1 - end]) end += 1;
  const [j, m] = [old.length - end, fresh.length - end];
  if (start === j && start === m) return [];
  if (Math.max(j, m) - start > most) return [[start, j, start, m]];
  const inner = between(old.slice(start, j), fresh.slice(start, m));
  return inner.map(([a, b, c, d]) => [a + start, b + start, c + start, d + start]);
}

/** The gaps between the items of a longest common subsequence. */
function between(old: readonly string[], fresh: readonly string[]): Difference[] {
  const width = fresh.length + 1;
  const longest = new Uint16Array((old.length + 1) * width);
  const at = (i: number, k: number): number => longest[i * width + k] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    for (let k = fresh.length - 1; k >= 0; k--) {
      longest[i * width + k] =
        old[i] === fresh[k] ? at(i + 1, k + 1) + 1 : Math.max(at(i + 1, k), at(i, k + 1));
    }
  }
  return gaps(old, fresh, at);
}

function gaps(
  old: readonly string[],
  fresh: readonly string[],
  at: (i: number, k: number) => number,
): Difference[] {
  const found: Difference[] = [];
  let [i, k, from, to] = [0, 0, 0, 0];
  const close = (): void => {
    if (i > from || k > to) found.push([from, i, to, k]);
  };
  while (i < old.length && k < fresh.length) {
    if (old[i] === fresh[k]) {
      close();
      [i, k] = [i + 1, k + 1];
      [from, to] = [i, k];
    } else if (at(i + 1, k) >= at(i, k + 1)) i += 1;
    else k += 1;
  }
  [i, k] = [old.length, fresh.length];
  close();
  return found;
}

export type Path = readonly (string | number)[];

/**
 * Make replacements, the last one first, in the text at a path below a map or list. A shared text
 * keeps what others write in it at the same time; a text in a plain value is written with that value.
 */
export function replaceIn(container: unknown, path: Path, changes: readonly Splice[]): void {
  const [key, ...below] = path;
  const held = isMap(container)
    ? container.get(String(key))
    : container instanceof Y.Array
      ? (container.get(Number(key)) as unknown)
      : undefined;
  if (isText(held)) {
    if (below.length === 0 && isOnlyText(held)) splice(held, changes);
  } else if (isMap(held) || held instanceof Y.Array) {
    if (below.length > 0) replaceIn(held, below, changes);
  } else if (!isShared(held)) {
    const value = taken(spliced(read(held), below, changes));
    if (isMap(container)) container.set(String(key), value);
    else if (container instanceof Y.Array) replaceItem(container, Number(key), value);
  }
}

/** Return a value with replacements made in the text at a path. */
export function spliced(value: Json, path: Path, changes: readonly Splice[]): Json {
  const [key, ...below] = path;
  if (typeof value === "string") {
    return changes.reduce((text, { start, end, text: inserted }) => {
      return text.slice(0, start) + inserted + text.slice(end);
    }, value);
  }
  if (key === undefined || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((item: Json, at) => (at === key ? spliced(item, below, changes) : item));
  }
  return Object.fromEntries(
    Object.entries(value).map(([each, item]) => [each, each === key ? spliced(item, below, changes) : item]),
  );
}
