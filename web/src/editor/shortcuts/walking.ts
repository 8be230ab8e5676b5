/** Walks the canvas by keyboard: it is one stop of the page, in which Tab leads from step to step. */
import type { ReactFlowInstance } from "@xyflow/react";
import { motion } from "../useCommands";
import { type Box, NODE_HEIGHT } from "../canvas/measures";
import { elementOf } from "./regions";

const CANVAS = "canvas";

/** What of the canvas has the focus; null while the focus is elsewhere. */
export function focusedOnCanvas(): { readonly kind: "canvas" | "step" | "part"; readonly step: string | null } | null {
  const focused = document.activeElement;
  if (!(focused instanceof Element) || !elementOf(CANVAS)?.contains(focused)) return null;
  if (focused.matches("[data-region=canvas], .react-flow__pane, .react-flow__nodesselection-rect")) return { kind: "canvas", step: null };
  if (focused.matches(".react-flow__node")) return { kind: "step", step: (focused as HTMLElement).dataset["id"] ?? null };
  if (focused.matches(".react-flow__edge")) return { kind: "part", step: null };
  const inside = focused.closest<HTMLElement>(".react-flow__node");
  return inside === null ? null : { kind: "part", step: inside.dataset["id"] ?? null };
}

export const nodeOf = (id: string): HTMLElement | null => document.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`);

const JUMP_MS = 160;
const MOST_FRAMES = 60;

/** Bring a step into view and focus it; one that was out of view is mounted only then. */
export function goTo(flow: ReactFlowInstance, id: string, box: Box | undefined): void {
  if (box !== undefined && !isInView(flow, box)) {
    const y = box.y + Math.min(box.height, 4 * NODE_HEIGHT) / 2;
    void flow.setCenter(box.x + box.width / 2, y, { zoom: flow.getZoom(), duration: motion(JUMP_MS) });
  }
  focusOnceMounted(id, MOST_FRAMES);
}

function focusOnceMounted(id: string, frames: number): void {
  const node = nodeOf(id);
  if (node !== null) node.focus({ preventScroll: true });
  else if (frames > 0) requestAnimationFrame(() => focusOnceMounted(id, frames - 1));
}

const MARGIN = 24;

function isInView(flow: ReactFlowInstance, { x, y, height }: Box): boolean {
  const pane = elementOf(CANVAS)?.getBoundingClientRect();
  if (pane === undefined) return true;
  const top = flow.flowToScreenPosition({ x, y });
  const bottom = flow.flowToScreenPosition({ x, y: y + Math.min(height, NODE_HEIGHT) });
  return top.x >= pane.left + MARGIN / 4 && top.x <= pane.right - 4 * MARGIN && top.y >= pane.top + MARGIN / 4 && bottom.y <= pane.bottom - MARGIN / 4;
}

/** The buttons of a step on the canvas, then its connections. */
export function partsOf(id: string, edgeIds: readonly string[]): readonly (HTMLElement | SVGElement)[] {
  const buttons = [...(nodeOf(id)?.querySelectorAll<HTMLElement>("button") ?? [])].filter((each) => each.checkVisibility());
  const edges = edgeIds.map((edge) => document.querySelector<SVGElement>(`.react-flow__edge[data-id="${CSS.escape(edge)}"]`));
  return [...buttons, ...edges.filter((each) => each !== null)];
}
