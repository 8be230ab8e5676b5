/**
 * The order of a switch's cases. A document has it where its file would have another one than the alphabet's: in
 * `source.keys["/cases"]` of the step (docs/document-model.md, Source), by which the server writes YAML.
 */
import type { Pipeline } from "./pipeline.js";
import { fieldOf, isEntry } from "./places.js";
import { type Outcome, unknown } from "./refusals.js";
import { compare, isObject, type Json, member } from "./values.js";
import { edit } from "./verbs.js";
import { asMap } from "./writing.js";

const CASE = "cases:";
const CASES = "/cases";

/** The slots of a switch's cases that have steps, in the order in which a file has them. */
export function casesOf(pipeline: Pipeline, id: string): string[] {
  const slots = new Set<string>();
  for (const { parent_step_id: parent, slot } of pipeline.steps().values()) if (parent === id && slot.startsWith(CASE)) slots.add(slot);
  const known = keysOf(sourceOf(pipeline, id));
  const ranks = new Map([...slots].map((slot) => [slot, known.findIndex((text) => isKeyOf(text, slot))]));
  const rank = (slot: string): number => (ranks.get(slot) ?? -1) >>> 0;
  return [...slots].sort((a, b) => rank(a) - rank(b) || compare(a, b));
}

/** Give the cases of a switch an order: those named first, in this order, and the others after them as they stood. */
export function orderCases(pipeline: Pipeline, id: string, slots: readonly string[]): Outcome {
  return edit(pipeline, () => {
    const { steps } = pipeline.roots;
    if (!isEntry(steps.get(id))) throw unknown("step", id);
    const source = sourceOf(pipeline, id);
    const wanted = [...new Set([...slots, ...casesOf(pipeline, id)])].filter((slot) => slot.startsWith(CASE));
    const former = keysOf(source);
    // Keys that hold no steps, such as templates, stay behind those that do.
    const others = former.filter((text) => !wanted.some((slot) => isKeyOf(text, slot)));
    const texts = [...wanted.map((slot) => former.find((text) => isKeyOf(text, slot)) ?? slot.slice(CASE.length)), ...others];
    const keys = member(source, "keys");
    if (texts.join("\n") !== former.join("\n")) asMap(steps, id).set("source", { ...source, keys: { ...(isObject(keys) ? keys : {}), [CASES]: texts } });
    return {};
  });
}

function sourceOf(pipeline: Pipeline, id: string): { readonly [key: string]: Json } {
  const source = fieldOf(pipeline.roots.steps.get(id), "source");
  return isObject(source) ? source : {};
}

function keysOf(source: { readonly [key: string]: Json }): string[] {
  const keys = member(source, "keys");
  const texts = isObject(keys) ? member(keys, CASES) : null;
  return Array.isArray(texts) ? texts.filter((text) => typeof text === "string") : [];
}

/** Whether a key's YAML text, as the server writes it or as JSON, is that of a slot. */
function isKeyOf(text: string, slot: string): boolean {
  const json = slot.slice(CASE.length);
  if (text === json) return true;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" && (text === value ? !isOther(text) : text === `'${value.replaceAll("'", "''")}'` || text === JSON.stringify(value));
  } catch {
    return false;
  }
}

/** Whether a bare text is a value of another kind in YAML. */
const isOther = (text: string): boolean => /^(?:true|false|null|~|[-+]?[\d.][\d.eE_+-]*)$/i.test(text);
