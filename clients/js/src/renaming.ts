/** What a new name of a step changes in the texts that refer to it. */
import { stepEntry } from "./entries.js";
import { type Mention, mentionsIn } from "./mentions.js";
import type { Pipeline } from "./pipeline.js";
import type { Place, Places } from "./places.js";
import { MAIN_SLOT } from "./schema.js";
import { compare, type JsonObject, read } from "./values.js";
import { type Path, replaceIn, type Splice } from "./writing.js";

export type Scope = readonly [parent: string | null, slot: string];

/** Say what a mention's name becomes, undefined for what it is. */
export type Renames = (mention: Mention) => string | undefined;

/**
 * Return how a step's references to renamed steps become those to their new names: for each text, by
 * its path, what stands for the names in it, the last one first. Where the new name would not be read
 * as one (a blank in a condition) the reference stays, and dangles, which people see.
 */
export function rewrites(type: string, config: JsonObject, renames: Renames): [Path, Splice[]][] {
  const places = new Map<string, [Path, Map<number, Splice>]>();
  for (const mention of mentionsIn(type, config)) {
    const name = renames(mention);
    if (name === undefined || !mention.grammar.test(name)) continue;
    const key = JSON.stringify(mention.place);
    const [, splices] = places.get(key) ?? [mention.place, new Map<number, Splice>()];
    splices.set(mention.start, { start: mention.start, end: mention.end, text: name });
    places.set(key, [mention.place, splices]);
  }
  return [...places.values()].map(([path, splices]) => {
    return [path, [...splices.values()].sort((a, b) => b.start - a.start)];
  });
}

/**
 * Yield the lists in which a step may find a name at a path, the innermost first: from its own list
 * outward, never across an inline pipeline (`crdt/pipeline/data_flow.py`).
 */
export function* visibleScopes(
  step: string,
  path: Path,
  placeOf: (step: string) => Scope | undefined,
): Generator<Scope> {
  if (path[0] === "outputs") {
    yield [step, "pipeline.steps"];
    yield [step, "pipeline.workflow.steps"];
    return;
  }
  if (["condition", "break_condition", "continue_condition"].includes(String(path[0]))) yield [step, MAIN_SLOT];
  const seen = new Set<string>();
  for (let at: string | null = step; at !== null && !seen.has(at); ) {
    seen.add(at);
    const scope = placeOf(at);
    if (scope === undefined) return;
    yield scope;
    at = scope[1].startsWith("pipeline.") ? null : scope[0];
  }
}

/** Make what refers to a step by its present name refer to it by its new one; call it before that is written. */
export function renameReferences(pipeline: Pipeline, places: Places, step: string, name: string): void {
  const former = places.get(step)?.name ?? "";
  const scopes = namesByScope(places, [former, name]);
  const placeOf = (key: string): Scope | undefined => scopeOf(places.get(key));
  for (const [key, held] of [...pipeline.roots.steps.entries()]) {
    const raw = read(held);
    if (!JSON.stringify(raw).includes(JSON.stringify(former).slice(1, -1))) continue;
    const entry = stepEntry(key, raw).value;
    if (entry === null) continue;
    const type = entry.supported ? entry.type : "";
    const changes = rewrites(type, entry.own["config"] as JsonObject, (mention) => {
      if (mention.name !== former) return undefined;
      for (const [parent, slot] of visibleScopes(key, mention.path, placeOf)) {
        const here = scopes.get(JSON.stringify([parent, slot]));
        const holder = here?.get(former);
        if (holder !== undefined) return holder === step ? name : undefined;
        // The new name would be taken for this step here.
        if (here?.has(name)) return undefined;
      }
      return undefined;
    });
    for (const [path, splices] of changes) {
      replaceIn(pipeline.roots.steps, [key, "config", ...path], splices);
    }
  }
}

export const scopeOf = (place: Place | undefined): Scope | undefined => place && [place.parent, place.slot];

/** For each list, as JSON, the first step of each name (only of these, if they are given). */
export function namesByScope(places: Places, names?: readonly string[]): Map<string, Map<string, string>> {
  const scopes = new Map<string, Map<string, string>>();
  for (const [key, place] of places) {
    if (names && !names.includes(place.name)) continue;
    const scope = JSON.stringify(scopeOf(place));
    const here = scopes.get(scope) ?? new Map<string, string>();
    const other = here.get(place.name);
    const order = other === undefined ? "" : (places.get(other)?.order ?? "");
    const isFirst = other === undefined || (compare(place.order, order) || compare(key, other)) < 0;
    scopes.set(scope, isFirst ? here.set(place.name, key) : here);
  }
  return scopes;
}
