/** Keys for the items of a shared list that stay with an item while others come and go before it. */
import type { Path } from "pipeloom-client";
import * as Y from "yjs";
import { useEditing } from "./editing";

const keys = new WeakMap<object, string>();
let made = 0;

const keyOf = (item: object): string => {
  const known = keys.get(item) ?? `item ${++made}`;
  keys.set(item, known);
  return known;
};

/** One key for each of so many items, by their shared types, or by their places where they have none. */
export function useItemKeys(path: Path, count: number): string[] {
  const { room, stepId } = useEditing();
  let at: unknown = room.pipeline.roots.steps.get(stepId);
  for (const key of ["config", ...path]) {
    if (at instanceof Y.Map) at = at.get(String(key));
    else at = at instanceof Y.Array && typeof key === "number" ? at.get(key) : undefined;
  }
  const items: readonly unknown[] = at instanceof Y.Array ? at.toArray() : [];
  return Array.from({ length: count }, (_, place) => {
    const item = items[place];
    return item instanceof Y.AbstractType ? keyOf(item) : `place ${place}`;
  });
}
