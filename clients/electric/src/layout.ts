import type { Step } from "./rows";

export type Shown = Step & { remarks?: number | undefined };
export type Box = { step: Shown; x: number; y: number; width: number; height: number; isParent: boolean };

const MARGIN = 24;

/** Where each step is on the canvas, in pixels, parents before what is in them and as large as that needs. */
export function boxesOf(steps: readonly Shown[]): ReadonlyMap<string, Box> {
  const within = Map.groupBy(steps, ({ parent_step_id: parent }) => parent);
  const boxes = new Map<string, Box>();
  const place = (step: Shown, left: number, top: number): Box => {
    const [x, y] = [left + step.position_x, top + step.position_y];
    const box = { step, x, y, width: step.width, height: step.height, isParent: within.has(step.id) };
    boxes.set(step.id, box);
    for (const child of within.get(step.id) ?? []) {
      const inner = place(child, x, y);
      box.width = Math.max(box.width, inner.x + inner.width + MARGIN - x);
      box.height = Math.max(box.height, inner.y + inner.height + MARGIN - y);
    }
    return box;
  };
  const roots = within.get(null) ?? [];
  const [left, top] = [leastOf(roots, "position_x"), leastOf(roots, "position_y")];
  for (const step of roots) place(step, MARGIN - left, MARGIN - top);
  return boxes;
}

/** How large the canvas is that shows all of them. */
export function extentOf(boxes: ReadonlyMap<string, Box>): { width: number; height: number } {
  const all = [...boxes.values()];
  const farthest = (values: number[]): number => Math.max(0, ...values) + MARGIN;
  return { width: farthest(all.map(({ x, width }) => x + width)), height: farthest(all.map(({ y, height }) => y + height)) };
}

const leastOf = (steps: readonly Step[], axis: "position_x" | "position_y"): number =>
  Math.min(0, ...steps.map((step) => step[axis]));
