/** Moves the view as far as it has to, so that a step is seen, and not behind the dock. */
import type { ReactFlowInstance } from "@xyflow/react";
import { NODE_HEIGHT, NODE_WIDTH, type Point } from "./measures";

interface Edges {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** By how much something has to move to lie inside of what is seen; what is larger, until it begins there. */
export const shiftInto = (box: Edges, seen: Edges): Point => ({
  x: shift(box.left, box.right, seen.left, seen.right),
  y: shift(box.top, box.bottom, seen.top, seen.bottom),
});

function shift(from: number, to: number, start: number, end: number): number {
  if (from >= start && to <= end) return 0;
  return from < start || to - from > end - start ? start - from : end - to;
}

/** Sideways alone, for what fits in: that is all that a canvas which has become narrower hides. */
export const shiftSideways = ({ left, right }: Pick<Edges, "left" | "right">, seen: Pick<Edges, "left" | "right">): number =>
  right - left > seen.right - seen.left ? 0 : shift(left, right, seen.left, seen.right);

/** A step that was just added is drawn a few frames later, and then its properties take some of the room. */
const MOST_FRAMES = 60;
const SETTLED_FRAMES = 3;

export function bringIntoView(flow: ReactFlowInstance, id: string, duration: number): void {
  const wait = (frames: number, isThere: number): void => {
    const isNext = flow.getInternalNode(id) !== undefined;
    if (isThere >= SETTLED_FRAMES) pan(flow, id, duration);
    else if (frames > 0) requestAnimationFrame(() => wait(frames - 1, isNext ? isThere + 1 : 0));
  };
  wait(MOST_FRAMES, 0);
}

export const MARGIN = 16;
/** The dock floats there. */
const BELOW = 72;

function pan(flow: ReactFlowInstance, id: string, duration: number): void {
  const node = flow.getInternalNode(id);
  const pane = document.querySelector(".react-flow")?.getBoundingClientRect();
  if (node === undefined || pane === undefined) return;
  const { x: left, y: top } = node.internals.positionAbsolute;
  const corner = flow.flowToScreenPosition({ x: left, y: top });
  const end = flow.flowToScreenPosition({ x: left + (node.measured.width ?? NODE_WIDTH), y: top + (node.measured.height ?? NODE_HEIGHT) });
  const by = shiftInto(
    { left: corner.x, top: corner.y, right: end.x, bottom: end.y },
    { left: pane.left + MARGIN, top: pane.top + MARGIN, right: pane.right - MARGIN, bottom: pane.bottom - BELOW },
  );
  if (by.x === 0 && by.y === 0) return;
  const { x, y, zoom } = flow.getViewport();
  void flow.setViewport({ x: x + by.x, y: y + by.y, zoom }, { duration });
}
