/** What edges there are to be, before their ways are known. */
import type { Connection, Step } from "pipeloom-client";
import type { ConnectionEdge } from "pipeloom-client/react";
import { conditionOf } from "./facts";
import type { Scene } from "./scene";

export type EdgeKind = "data" | "conditional" | "loop";

/** What an edge is to be, before its way is known. */
export interface Wire {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly connections: readonly Connection[];
  readonly kind: EdgeKind;
  readonly label: string | null;
  readonly isSelected: boolean;
  /** What it is, for those who do not see it. */
  readonly name: string;
}

export type Steps = ReadonlyMap<string, Step>;

export const wiresFor = (edges: readonly ConnectionEdge[], scene: Scene, steps: Steps): Wire[] =>
  [...wiresOf(edges, scene, steps), ...returnsOf(scene, steps)];

export const isSameWire = (a: Wire, b: Wire): boolean =>
  a.source === b.source && a.target === b.target && a.kind === b.kind && a.label === b.label && a.isSelected === b.isSelected &&
  a.name === b.name && a.connections.length === b.connections.length && a.connections.every((each, at) => each === b.connections[at]);

/** Connections as edges: several between two steps as one, those of folded steps at what is folded. */
function wiresOf(edges: readonly ConnectionEdge[], { hidden }: Scene, steps: Steps): Wire[] {
  const wires = new Map<string, Wire & { readonly connections: Connection[] }>();
  const labelled = new Set<string>();
  for (const { id, source: from, target: to, data, selected } of edges) {
    const [source, target] = [hidden.get(from) ?? from, hidden.get(to) ?? to];
    const key = `${source} ${target}`;
    const known = wires.get(key);
    if (source === target || data === undefined) continue;
    if (known) {
      known.connections.push(data.connection);
      wires.set(key, { ...known, isSelected: known.isSelected || selected === true });
      continue;
    }
    const condition = target === to ? conditionOf(steps.get(to)?.config ?? {}) : null;
    const label = condition === null || labelled.has(to) ? null : `if ${condition}`;
    labelled.add(to);
    const kind = condition === null ? "data" : "conditional";
    const name = `${steps.get(source)?.name} feeds ${steps.get(target)?.name}${condition === null ? "" : ` if ${condition}`}`;
    wires.set(key, { id, source, target, connections: [data.connection], kind, label, isSelected: selected === true, name });
  }
  return [...wires.values()];
}

/** The ways back to the start of loops. */
function returnsOf({ children, frames }: Scene, steps: Steps): Wire[] {
  const wires: Wire[] = [];
  for (const [id, { isFolded }] of frames) {
    const step = steps.get(id);
    if (isFolded || (step?.type !== "for_loop" && step?.type !== "while_loop")) continue;
    const body = (children.get(id) ?? []).filter(({ slot }) => slot === "steps");
    const [first, last] = [steps.get(body[0]?.id ?? ""), steps.get(body.at(-1)?.id ?? "")];
    if (first === undefined || last === undefined || first === last) continue;
    const item = step.config["iterator"];
    const label = step.type === "while_loop" ? "again" : `next ${typeof item === "string" && item !== "" ? item : "item"}`;
    wires.push({ id: `return:${id}`, source: last.id, target: first.id, connections: [], kind: "loop", label, isSelected: false, name: `From ${last.name} back to ${first.name}: ${label}` });
  }
  return wires;
}
