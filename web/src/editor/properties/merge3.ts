/** Merges what two have made of one value: each change of either is kept; where both changed one thing, mine. */
import type { Json } from "pipeloom-client";
import { isObject, same } from "./paths";

export function merge3(base: Json | undefined, mine: Json | undefined, theirs: Json | undefined): Json | undefined {
  if (same(mine, base)) return theirs;
  if (same(theirs, base) || !isObject(mine) || !isObject(theirs)) return mine;
  const before = isObject(base) ? base : {};
  const own = (map: object, key: string): Json | undefined => (Object.hasOwn(map, key) ? (map as Record<string, Json>)[key] : undefined);
  const keys = new Set([...Object.keys(theirs), ...Object.keys(mine)]);
  const merged = [...keys].map((key) => [key, merge3(own(before, key), own(mine, key), own(theirs, key))] as const);
  return Object.fromEntries(merged.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
