/**
 * Which steps may be connected, and why others may not. A step sees the results of its own list and of the lists
 * around it, up to an inline pipeline (docs/document-model.md): others would reach no runner.
 */
import type { Connection, Step } from "pipeloom-client";

type Steps = ReadonlyMap<string, Step>;

/** Why one step may not feed another, in words for people; null if it may. */
export function refusalOf(steps: Steps, connections: Iterable<Connection>, from: string, to: string): string | null {
  const [source, target] = [steps.get(from), steps.get(to)];
  if (source === undefined || target === undefined) return "This step is gone";
  if (from === to) return "A step cannot feed itself";
  const all = [...connections];
  if (all.some((each) => each.from_step_id === from && each.to_step_id === to)) return `${source.name} feeds ${target.name} already`;
  return outOfSight(steps, source, target) ?? cycle(steps, all, source, target);
}

const lineage = (steps: Steps, step: Step): Step[] => {
  const line: Step[] = [];
  for (let at: Step | undefined = step; at !== undefined; at = steps.get(at.parent_step_id ?? "")) line.push(at);
  return line;
};

const isInline = (slot: string): boolean => slot.startsWith("pipeline.");

function outOfSight(steps: Steps, source: Step, target: Step): string | null {
  const [sources, targets] = [lineage(steps, source), lineage(steps, target)];
  if (sources.some(({ id }) => id === target.id)) return `${source.name} is inside ${target.name}`;
  if (targets.some(({ id }) => id === source.id)) return `${target.name} is inside ${source.name}`;
  for (const around of targets) {
    if (around.parent_step_id === source.parent_step_id && around.slot === source.slot) return null;
    if (isInline(around.slot)) return `${target.name} is in a pipeline of its own: pass values by the inputs of ${nameOf(steps, around.parent_step_id)}`;
    if (around.parent_step_id === source.parent_step_id) return `${source.name} is in another case than ${target.name}`;
  }
  return `${source.name} is inside ${nameOf(steps, source.parent_step_id)}: connect that instead`;
}

const nameOf = (steps: Steps, id: string | null): string => steps.get(id ?? "")?.name ?? "another step";

/** Between the steps of one list nothing may flow in a circle, but in loops from one round to the next. */
function cycle(steps: Steps, connections: readonly Connection[], source: Step, target: Step): string | null {
  const end = lineage(steps, target).find((each) => each.parent_step_id === source.parent_step_id && each.slot === source.slot);
  if (end === undefined || lineage(steps, source).slice(1).some(({ type }) => type === "for_loop" || type === "while_loop")) return null;
  const path = pathBetween(steps, connections, end, source);
  return path ? `Would make a cycle: ${end.name} already feeds ${source.name}` : null;
}

/** Whether what a step gives reaches another one of its list, also by steps inside of others. */
function pathBetween(steps: Steps, connections: readonly Connection[], from: Step, to: Step): boolean {
  const inList = (id: string): string | undefined => {
    const step = steps.get(id);
    return step && lineage(steps, step).find((each) => each.parent_step_id === to.parent_step_id && each.slot === to.slot)?.id;
  };
  const next = new Map<string, string[]>();
  for (const { from_step_id: a, to_step_id: b } of connections) {
    const [one, other] = [inList(a), inList(b)];
    if (one !== undefined && other !== undefined && one !== other) next.set(one, [...(next.get(one) ?? []), other]);
  }
  const seen = new Set([from.id]);
  for (const id of seen) for (const each of next.get(id) ?? []) seen.add(each);
  return seen.has(to.id);
}
