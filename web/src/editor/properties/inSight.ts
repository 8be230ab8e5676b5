/** The steps and variables that a step's texts may refer to (docs/document-model.md, Diagnostics). */
import type { Step } from "pipeloom-client";
import type { Reference } from "../text/references";
import { isObject } from "./paths";

type Steps = ReadonlyMap<string, Step>;

const isBorder = (slot: string): boolean => slot.startsWith("pipeline.");

/** The steps of the same list and of the lists around it, up to an inline pipeline; those before it come first. */
export function stepsInSight(steps: Steps, id: string): Step[] {
  const scopes = new Set<string>();
  const around = new Set<string>([id]);
  for (let at = steps.get(id); at !== undefined; at = steps.get(at.parent_step_id ?? "")) {
    scopes.add(`${at.parent_step_id ?? ""} ${at.slot}`);
    around.add(at.id);
    if (isBorder(at.slot)) break;
  }
  return [...steps.values()].filter((each) => !around.has(each.id) && scopes.has(`${each.parent_step_id ?? ""} ${each.slot}`));
}

/** What may stand between the braces of a template in a step. */
export function referencesIn(steps: Steps, id: string): Reference[] {
  const inSight = stepsInSight(steps, id);
  const results = inSight.map(({ name, type }) => ({ text: `steps.${name}.result`, detail: type }));
  const variables = inSight.flatMap(({ type, config }) =>
    type === "set_variable" && isObject(config["variables"]) ? Object.keys(config["variables"]) : [],
  );
  return [
    ...loopsAround(steps, id),
    ...results.filter(({ text }) => !/[\s{}]/.test(text)),
    ...[...new Set(variables)].map((name) => ({ text: `variables.${name}`, detail: "variable" })),
  ];
}

function loopsAround(steps: Steps, id: string): Reference[] {
  const found: Reference[] = [];
  for (let at = steps.get(steps.get(id)?.parent_step_id ?? ""); at !== undefined; at = steps.get(at.parent_step_id ?? "")) {
    if (at.type !== "for_loop") continue;
    const iterator = at.config["iterator"];
    found.push({ text: `loop.${typeof iterator === "string" ? iterator : "item"}`, detail: `item of ${at.name}` });
    found.push({ text: "loop.index", detail: `place in ${at.name}` });
  }
  return found.filter(({ text }, place) => found.findIndex((other) => other.text === text) === place);
}
