/** Names for new steps. */
import { lineOf, type Places } from "./places.js";
import { MAX_NAME } from "./schema.js";
import { cut } from "./values.js";

/**
 * Return a name that no step of a list has: the wanted one, or it with a number: "review" becomes
 * "review_2", and "My review" becomes "My review 2", so that names without blanks can stand in conditions.
 */
export function freshName(taken: ReadonlySet<string>, wanted: string): string {
  if (wanted !== "" && !taken.has(wanted)) return wanted;
  const [, stem = "", number = "1"] = /^(.*?)(?:[ _](\d{1,9}))?$/su.exec(wanted) ?? [];
  const blank = /\s/u.test(stem) ? " " : "_";
  for (let count = Number(number) + 1; ; count++) {
    const name = `${cut(stem || "step", MAX_NAME - 12)}${blank}${count}`;
    if (!taken.has(name)) return name;
  }
}

/** The names of the steps in a list. */
export const namesIn = (places: Places, parent: string | null, slot: string): Set<string> =>
  new Set(lineOf(places, parent, slot).map((key) => places.get(key)?.name ?? ""));
