/** Which steps a step can be connected with, and why not the others. */
import type { Connection, Step } from "pipeloom-client";
import { refusalOf } from "../canvas/connectionRules";

export interface Choice {
  readonly step: Step;
  /** Where it stands: the names of what it is inside of. */
  readonly around: string;
  /** Why it cannot be chosen; null if it can. */
  readonly refusal: string | null;
}

type Steps = ReadonlyMap<string, Step>;

/** More are found by typing more. */
export const MOST_CHOICES = 60;

/** The steps that have all sought words, those that can be chosen first, each group in document order. */
export function choicesFor(steps: Steps, connections: readonly Connection[], from: string, sought: string): readonly Choice[] {
  const words = sought.toLowerCase().split(/\s+/u).filter(Boolean);
  const found = [...steps.values()].filter(({ id, name, type }) => id !== from && words.every((word) => `${name} ${type.replaceAll("_", " ")}`.toLowerCase().includes(word)));
  const choices = found.map((step) => ({ step, around: aroundOf(steps, step), refusal: refusalOf(steps, connections, from, step.id) }));
  const can = choices.filter(({ refusal }) => refusal === null);
  return [...can, ...choices.filter(({ refusal }) => refusal !== null)].slice(0, MOST_CHOICES);
}

function aroundOf(steps: Steps, step: Step): string {
  const names: string[] = [];
  for (let at = steps.get(step.parent_step_id ?? ""); at !== undefined; at = steps.get(at.parent_step_id ?? "")) names.unshift(at.name);
  return names.join(" › ");
}
