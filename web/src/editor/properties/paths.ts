/** Reads and changes values inside of a step's config, each change as a new config. */
import type { Json, JsonObject, Path } from "pipeloom-client";

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isList = (value: unknown): value is readonly Json[] => Array.isArray(value);

/** The value at a path, undefined where there is none. */
export function getAt(value: Json | undefined, path: Path): Json | undefined {
  let at = value;
  for (const key of path) {
    if (isList(at) && typeof key === "number") at = at[key];
    else if (isObject(at) && Object.hasOwn(at, key)) at = at[key];
    else return undefined;
  }
  return at;
}

/** A config with another value at a path; undefined takes it away, and with it the maps that are empty then. */
export const setAt = (config: JsonObject, path: Path, value: Json | undefined): JsonObject =>
  (changed(config, path, () => value) ?? {}) as JsonObject;

/** A config with the list at a path changed by a function. A missing list is an empty one. */
export const changeList = (config: JsonObject, path: Path, change: (list: readonly Json[]) => readonly Json[]): JsonObject =>
  (changed(config, path, (list) => change(isList(list) ? list : [])) ?? {}) as JsonObject;

function changed(value: Json | undefined, path: Path, change: (value: Json | undefined) => Json | undefined): Json | undefined {
  const [key, ...below] = path;
  if (key === undefined) return change(value);
  if (typeof key === "number") {
    const list = isList(value) ? value : [];
    return list.map((item, at) => (at === key ? (changed(item, below, change) ?? null) : item));
  }
  const map = new Map(isObject(value) ? Object.entries(value) : []);
  const next = changed(map.get(key), below, change);
  if (next === undefined) map.delete(key);
  else map.set(key, next);
  return map.size === 0 && isObject(value) && Object.keys(value).length > 0 ? undefined : Object.fromEntries(map);
}

/** A map with a key renamed in its place; null if the new key is there already. */
export function renameKey(map: JsonObject, former: string, key: string): JsonObject | null {
  if (former !== key && Object.hasOwn(map, key)) return null;
  return Object.fromEntries(Object.entries(map).map(([each, value]) => [each === former ? key : each, value]));
}

/** A list with one item elsewhere. */
export function moveItem<T>(list: readonly T[], from: number, to: number): T[] {
  const moved = [...list];
  moved.splice(to, 0, ...moved.splice(from, 1));
  return moved;
}

/** Whether two values are one: at once for the same object. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const keys = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && same(one[key as never], other[key as never]))
  );
}

/** A path as a JSON pointer (RFC 6901), as diagnostics have it. */
export const pointerOf = (path: Path): string =>
  path.map((key) => `/${String(key).replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
