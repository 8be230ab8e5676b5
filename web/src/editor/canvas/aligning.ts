/** Aligns steps to each other. */
import { type Box, type Point, snapped } from "./measures";

export type Alignment = "left" | "center" | "top" | "across" | "down";

/** New corners for boxes by id; those that stay are left out. */
export function aligned(boxes: ReadonlyMap<string, Box>, alignment: Alignment): Map<string, Point> {
  const all = [...boxes];
  const found = new Map<string, Point>();
  const places = alignment === "across" || alignment === "down" ? distributed(all, alignment) : all.map(([id, box]) => [id, lined(box, all, alignment)] as const);
  for (const [id, place] of places) {
    const box = boxes.get(id);
    if (box && (box.x !== place.x || box.y !== place.y)) found.set(id, place);
  }
  return found;
}

type Boxes = readonly (readonly [id: string, box: Box])[];

function lined({ x, y, width }: Box, all: Boxes, alignment: "left" | "center" | "top"): Point {
  const left = Math.min(...all.map(([, box]) => box.x));
  if (alignment === "left") return { x: left, y };
  if (alignment === "top") return { x, y: Math.min(...all.map(([, box]) => box.y)) };
  const right = Math.max(...all.map(([, box]) => box.x + box.width));
  return { x: (left + right - width) / 2, y };
}

/** With equal gaps, the outer two staying. */
function distributed(all: Boxes, alignment: "across" | "down"): [string, Point][] {
  const [at, size] = alignment === "across" ? (["x", "width"] as const) : (["y", "height"] as const);
  const sorted = [...all].sort(([, a], [, b]) => a[at] - b[at]);
  const [first, last] = [sorted[0]?.[1], sorted.at(-1)?.[1]];
  if (first === undefined || last === undefined) return [];
  const taken = sorted.reduce((sum, [, box]) => sum + box[size], 0);
  const gap = (last[at] + last[size] - first[at] - taken) / Math.max(1, sorted.length - 1);
  let next = first[at];
  return sorted.map(([id, box], index) => {
    const isOuter = index === 0 || index === sorted.length - 1;
    const place = { x: box.x, y: box.y, [at]: isOuter ? box[at] : snapped(next) };
    next += box[size] + gap;
    return [id, place];
  });
}
