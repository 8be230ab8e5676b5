/** Two states of a pipeline as one graph: what is there now, and what is not any more. */
import type { Connection, JsonObject, Step } from "pipeloom-client";
import type { ConnectionEdge, StepNode } from "pipeloom-client/react";
import type { Difference, WholeVersion } from "pipeloom-client/rest";

export type Kind = "added" | "removed" | "changed";

export interface State {
  readonly steps: readonly Step[];
  readonly connections: readonly Connection[];
}

export type EntryChange = Difference["steps"][number];
export type Change = EntryChange["changes"][number];

export interface Comparison {
  readonly nodes: readonly StepNode[];
  readonly edges: readonly ConnectionEdge[];
  /** What became of each step or connection that differs, by its id. */
  readonly kinds: ReadonlyMap<string, Kind>;
  /** The steps that differ, in reading order. */
  readonly changes: readonly EntryChange[];
  readonly settings: readonly Change[];
}

/** A saved state as the library shows the present one. */
export function stateOf({ steps, connections }: Pick<WholeVersion, "steps" | "connections">): State {
  return { steps: steps.map(stepOf), connections: connections as unknown as Connection[] };
}

function stepOf(row: WholeVersion["steps"][number]): Step {
  const { position_x: x, position_y: y, width, height, declared_type: declared, ...rest } = row;
  const place = { position: { x: Number(x), y: Number(y) }, size: { width: Number(width), height: Number(height) } };
  const config = (rest["config"] ?? {}) as JsonObject;
  const type = typeof declared === "string" ? { type: declared, supported: false } : { supported: true };
  return { ...(rest as unknown as Step), ...place, config, ...type };
}

/** `before` and `after` are the states that the difference is about. */
export function compared(before: State, after: State, difference: Difference): Comparison {
  const kinds = new Map([...difference.steps, ...difference.connections].map(({ id, kind }) => [id, kind]));
  const isRemoved = ({ id }: { readonly id: string }): boolean => kinds.get(id) === "removed";
  const steps = inReadingOrder([...after.steps, ...before.steps.filter(isRemoved)]);
  const ids = new Set(steps.map(({ id }) => id));
  const wires = [...after.connections, ...before.connections.filter(isRemoved)];
  const places = new Map(steps.map(({ id }, at) => [id, at]));
  const changes = difference.steps.toSorted((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
  return {
    nodes: steps.map((step) => nodeOf(step, ids)),
    edges: wires.filter((wire) => ids.has(wire.from_step_id) && ids.has(wire.to_step_id)).map(edgeOf),
    kinds,
    changes,
    settings: difference.settings,
  };
}

/** Parents before what is in them. A step whose parent is in neither state stands alone. */
function inReadingOrder(steps: readonly Step[]): Step[] {
  const lists = new Map<string | null, Step[]>();
  const ids = new Set(steps.map(({ id }) => id));
  for (const step of steps) {
    const parent = step.parent_step_id !== null && ids.has(step.parent_step_id) ? step.parent_step_id : null;
    const list = lists.get(parent);
    if (list) list.push(step);
    else lists.set(parent, [step]);
  }
  const ordered: Step[] = [];
  const walk = (parent: string | null): void => {
    for (const step of (lists.get(parent) ?? []).toSorted((a, b) => a.order_index - b.order_index)) {
      ordered.push(step);
      walk(step.id);
    }
  };
  walk(null);
  return ordered;
}

function nodeOf(step: Step, ids: ReadonlySet<string>): StepNode {
  const parent = step.parent_step_id !== null && ids.has(step.parent_step_id) ? { parentId: step.parent_step_id } : {};
  return { id: step.id, position: step.position, data: { step, label: step.name, isContainer: false }, ...parent };
}

const edgeOf = (connection: Connection): ConnectionEdge => ({
  id: connection.id,
  source: connection.from_step_id,
  target: connection.to_step_id,
  data: { connection },
});

/** How many steps were added, changed and removed. */
export function countsOf(changes: readonly EntryChange[]): Readonly<Record<Kind, number>> {
  const counts = { added: 0, changed: 0, removed: 0 };
  for (const { kind } of changes) counts[kind]++;
  return counts;
}
