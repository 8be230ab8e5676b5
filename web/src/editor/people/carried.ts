/** Marks what others drag, so that style sheets lift it and ease its way: no component is drawn anew for it. */
import type { Edge } from "@xyflow/react";
import type { Other } from "pipeloom-client";

const MARK = "data-carried";

export class Carried {
  private marked = new Set<Element>();

  /** Mark the steps that others drag, and the edges at these; take the mark from all others. */
  mark(others: readonly Other[], { domNode, edges }: { domNode: HTMLElement | null; edges: readonly Edge[] }): void {
    const steps = new Set(others.flatMap(({ dragging }) => Object.keys(dragging ?? {})));
    if (domNode === null || (steps.size === 0 && this.marked.size === 0)) return;
    const wires = steps.size === 0 ? [] : edges.filter(({ source, target }) => steps.has(source) || steps.has(target));
    const wanted = new Set([
      ...elements(domNode, "node", [...steps]),
      ...elements(domNode, "edge", wires.map(({ id }) => id)),
    ]);
    for (const element of this.marked) if (!wanted.has(element)) element.removeAttribute(MARK);
    for (const element of wanted) element.setAttribute(MARK, "");
    this.marked = wanted;
  }
}

const elements = (root: HTMLElement, kind: "node" | "edge", ids: readonly string[]): Element[] =>
  ids.flatMap((id) => root.querySelector(`.react-flow__${kind}[data-id="${CSS.escape(id)}"]`) ?? []);
