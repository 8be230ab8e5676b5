/** The steps of a pipeline as they are read from top to bottom. */
import type { Step } from "pipeloom-client";
import { isContainer, isMain, slotRank } from "../canvas/scene";

export interface Branch {
  readonly step: Step;
  /** What is in it, by slot; null for steps that hold none. */
  readonly lanes: readonly Lane[] | null;
  /** How many steps are in it, at every depth. */
  readonly count: number;
}

export interface Lane {
  readonly slot: string;
  /** Whether its name is shown: not that of the main one alone. */
  readonly isNamed: boolean;
  readonly branches: readonly Branch[];
}

/** `steps` come in reading order; the lanes of a container in the order of the canvas, from left to right. */
export function outlineOf(steps: Iterable<Step>): readonly Branch[] {
  const inside = new Map<string | null, Step[]>();
  for (const step of steps) {
    const line = inside.get(step.parent_step_id);
    if (line) line.push(step);
    else inside.set(step.parent_step_id, [step]);
  }
  const branch = (step: Step): Branch => {
    const children = inside.get(step.id) ?? [];
    if (!isContainer(step.type, children.length > 0)) return { step, lanes: null, count: 0 };
    const lanes = lanesOf(step, children, branch);
    return { step, lanes, count: lanes.reduce((sum, { branches }) => sum + sizeOf(branches), 0) };
  };
  return (inside.get(null) ?? []).map(branch);
}

const sizeOf = (branches: readonly Branch[]): number => branches.reduce((sum, { count }) => sum + 1 + count, 0);

function lanesOf({ type }: Step, children: readonly Step[], branch: (step: Step) => Branch): readonly Lane[] {
  const slots = new Map<string, Step[]>();
  for (const child of children) slots.set(child.slot, [...(slots.get(child.slot) ?? []), child]);
  const isSplit = type === "switch" || [...slots.keys()].some((slot) => !isMain(slot));
  const left = (line: readonly Step[]): number => Math.min(...line.map(({ position }) => position.x));
  return [...slots]
    .sort(([a, one], [b, other]) => left(one) - left(other) || slotRank(a) - slotRank(b))
    .map(([slot, line]) => ({ slot, isNamed: isSplit, branches: line.map(branch) }));
}
