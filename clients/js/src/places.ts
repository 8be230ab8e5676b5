/**
 * Where steps stand as they were written, and order keys that move as few of them as possible.
 * Edits go by this and not by what is shown, as the server's do (`crdt/editing`).
 */
import { generateKeyBetween, generateNKeysBetween } from "fractional-indexing";
import type * as Y from "yjs";
import { isOrderKey } from "./refusals.js";
import { MAIN_SLOT } from "./schema.js";
import { compare, isMap, isObject, isPlain, type Json, member, push, read, textOr } from "./values.js";

export interface Place {
  readonly parent: string | null;
  readonly slot: string;
  readonly order: string;
  readonly name: string;
}

export type Places = ReadonlyMap<string, Place>;

/** At the top level there is one slot, whatever the step declares. */
export const placeAt = (parent: string | null, slot: string, order: string, name: string): Place => {
  return { parent, slot: parent === null ? MAIN_SLOT : slot, order, name };
};

/** Read a field of an entry that may be anything. */
export function fieldOf(entry: unknown, field: string): Json {
  return read(isMap(entry) ? entry.get(field) : isObject(entry) ? member(entry, field) : null);
}

/** Whether an entry is a map of fields, shared or plain. */
export const isEntry = (entry: unknown): boolean => isMap(entry) || isPlain(entry);

/** Read the places of all steps that are maps. */
export function placesOf(steps: Y.Map<unknown>): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [key, entry] of steps.entries()) {
    if (!isEntry(entry)) continue;
    const parent = fieldOf(entry, "parent_step_id");
    const slot = textOr(fieldOf(entry, "slot"), MAIN_SLOT);
    const [order, name] = ["order", "name"].map((field) => textOr(fieldOf(entry, field), "")) as [string, string];
    places.set(key, placeAt(typeof parent === "string" ? parent : null, slot, order, name));
  }
  return places;
}

/** Return the steps of a list, in order. */
export function lineOf(places: Places, parent: string | null, slot: string): string[] {
  const line = [...places].filter(([, place]) => place.parent === parent && place.slot === slot);
  return line.sort(([a, x], [b, y]) => compare(x.order, y.order) || compare(a, b)).map(([key]) => key);
}

/** Return steps and all steps inside them, parents before their children. */
export function insideOf(places: Places, steps: readonly string[]): string[] {
  const children = new Map<string, string[]>();
  for (const [key, { parent }] of places) if (parent !== null) push(children, parent, key);
  // Somebody may have written a cycle of parents, so a step that was found is not entered again.
  const found = new Set(steps);
  for (const key of found) for (const child of children.get(key) ?? []) found.add(child);
  return [...found];
}

/** Return keys after `a` and before `b`. Throws if there is no room, or one is no order key. */
function keysBetween(a: string | null, b: string | null, count: number): string[] {
  for (const key of [a, b]) if (key !== null && !isOrderKey(key)) throw new RangeError(key);
  if (a !== null && b !== null && a >= b) throw new RangeError(b);
  return count === 1 ? [generateKeyBetween(a, b)] : generateNKeysBetween(a, b, count);
}

/**
 * Return the orders to write so that `fresh` stand before `right` (null: at the end) in a line of the
 * others. Only where no key is left between the neighbours do others move, too.
 */
export function ordersFor(
  fresh: readonly string[],
  line: readonly (readonly [string, string])[],
  right: string | null,
): Map<string, string> {
  const at = right === null ? line.length : line.findIndex(([key]) => key === right);
  try {
    const keys = keysBetween(line[at - 1]?.[1] ?? null, line[at]?.[1] ?? null, fresh.length);
    return new Map(fresh.map((key, number) => [key, keys[number] ?? ""]));
  } catch {
    const wanted: Wanted = [...line.slice(0, at), ...fresh.map((key) => [key, null] as const), ...line.slice(at)];
    return reordered(wanted);
  }
}

type Wanted = readonly (readonly [string, string | null])[];

/** Return new orders for some siblings so that all stand as given (`crdt/pipeline/reordering.py`). */
export function reordered(wanted: Wanted): Map<string, string> {
  const usable: Wanted = wanted.map(([key, order]) => [key, order !== null && isOrderKey(order) ? order : null]);
  const attempts = [
    () => filled(wanted, staying(wanted, false)),
    () => filled(usable, staying(usable, false)),
    () => filled(usable, staying(usable, true)),
  ];
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch {
      continue;
    }
  }
  const keys = keysBetween(null, null, wanted.length);
  return new Map(wanted.map(([key], number) => [key, keys[number] ?? ""]));
}

/** The numbers of most siblings that can keep their orders; strictly, if these must be distinct. */
function staying(wanted: Wanted, isStrict: boolean): Set<number> {
  const standing = wanted.flatMap(([key, order], number) => {
    return order === null ? [] : [{ number, order, key: isStrict ? "" : key }];
  });
  type One = (typeof standing)[number];
  const isBelow = (a: One, b: One): boolean => (compare(a.order, b.order) || compare(a.key, b.key)) < 0;
  // Patience sorting: the piles' tops, and for each its predecessor.
  const piles: One[] = [];
  const former = new Map<One, One | undefined>();
  for (const one of standing) {
    let [pile, end] = [0, piles.length];
    while (pile < end) {
      const middle = (pile + end) >> 1;
      if (isBelow(piles[middle] as One, one)) pile = middle + 1;
      else end = middle;
    }
    former.set(one, piles[pile - 1]);
    piles[pile] = one;
  }
  const found = new Set<number>();
  for (let one = piles.at(-1); one !== undefined; one = former.get(one)) found.add(one.number);
  return found;
}

/** An order for every sibling that does not stay. Throws where there is no room. */
function filled(wanted: Wanted, stays: ReadonlySet<number>): Map<string, string> {
  const orders = new Map<string, string>();
  let gap: string[] = [];
  let before: string | null = null;
  for (const [number, [key, order]] of [...wanted, ["", null] as const].entries()) {
    if (number < wanted.length && !stays.has(number)) {
      gap.push(key);
      continue;
    }
    if (gap.length > 0) {
      const keys = keysBetween(before, order, gap.length);
      gap.forEach((each, at) => orders.set(each, keys[at] ?? ""));
    }
    [gap, before] = [[], order];
  }
  return orders;
}
