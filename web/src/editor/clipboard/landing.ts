/** Where steps land that are pasted without a pointer. */
import type { ReactFlowInstance } from "@xyflow/react";
import { type Box, overlap, type Point, snapped } from "../canvas/measures";

const OFFSET = 40;

/** Beside where they were copied if that is in view, else in the middle of what is: a corner on the canvas. */
export function cornerFor(flow: ReactFlowInstance, pane: HTMLElement | null, extent: Box): Point {
  const seen = seenOf(flow, pane);
  const beside = { ...extent, x: extent.x + OFFSET, y: extent.y + OFFSET };
  if (seen === null || overlap(seen, beside)) return { x: beside.x, y: beside.y };
  return { x: snapped(seen.x + seen.width / 2 - extent.width / 2), y: snapped(seen.y + seen.height / 2 - Math.min(extent.height, seen.height) / 2) };
}

function seenOf(flow: ReactFlowInstance, pane: HTMLElement | null): Box | null {
  if (pane === null) return null;
  const { left, top, right, bottom } = pane.getBoundingClientRect();
  const from = flow.screenToFlowPosition({ x: left, y: top }, { snapToGrid: false });
  const to = flow.screenToFlowPosition({ x: right, y: bottom }, { snapToGrid: false });
  return { ...from, width: to.x - from.x, height: to.y - from.y };
}
