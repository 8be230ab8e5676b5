/**
 * Keeps nodes the same objects while only texts of their steps change: none of these is drawn, and a key
 * that is typed into a prompt would otherwise lay out a thousand nodes anew.
 */
import type { Json, Step } from "pipeloom-client";
import type { ConnectionEdge, StepNode } from "pipeloom-client/react";
import { areSame } from "./same";

/** Keys under which a step has texts that no node shows; lists under them are counted, so they stay lists. */
const TEXTS: ReadonlySet<string> = new Set(["content", "description", "prompt", "system_prompt", "append_system_prompt"]);

export class UnchangedNodes {
  private former: StepNode[] = [];
  private formerEdges: ConnectionEdge[] = [];

  /** The same nodes, those that look as before as the former objects; the former list if all do. */
  keep(nodes: StepNode[]): StepNode[] {
    const { former } = this;
    const kept = nodes.map((node, at) => {
      const known = former[at];
      return known !== undefined && looksSame(known, node) ? known : node;
    });
    if (!areSame(kept, former)) this.former = kept;
    return this.former;
  }

  /** The former list if it has the same edges. */
  keepEdges(edges: ConnectionEdge[]): ConnectionEdge[] {
    if (!areSame(edges, this.formerEdges)) this.formerEdges = edges;
    return this.formerEdges;
  }
}

function looksSame(one: StepNode, other: StepNode): boolean {
  if (one === other) return true;
  const [{ data: former, ...before }, { data: present, ...now }] = [one, other];
  if (former.label !== present.label || former.isContainer !== present.isContainer) return false;
  return JSON.stringify(before) === JSON.stringify(now) && outlineOf(former.step) === outlineOf(present.step);
}

const outlineOf = (step: Step): string =>
  JSON.stringify(step, (key, value: Json) => (typeof value === "string" && TEXTS.has(key) ? true : value));
