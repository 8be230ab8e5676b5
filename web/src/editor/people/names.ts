/** Names that are short enough for the canvas. */
import type { Other } from "pipeloom-client";

const firstOf = (name: string): string => name.trim().split(/\s+/u)[0] || name;

/** By the id of the user: the first name, or the whole one where two people share the first. */
export function shortNames(others: readonly Other[]): ReadonlyMap<string, string> {
  const names = new Map(others.map(({ user: { id, name } }) => [id, name]));
  const firsts = [...names.values()].map(firstOf);
  return new Map(
    [...names].map(([id, name]) => {
      const first = firstOf(name);
      return [id, firsts.filter((each) => each === first).length > 1 ? name : first];
    }),
  );
}
