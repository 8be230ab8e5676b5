/** How the map shows the canvas: all steps as a few shapes, and the rectangle that is seen. */
import { type Family, familyOf } from "../familyOf";
import type { Box, Size } from "./measures";
import type { Scene } from "./scene";

/** A step of a family, or a container. */
export type Shade = Family | "container";
export const SHADES: readonly Shade[] = ["container", "claude", "gemini", "flow", "data", "state", "other"];

/** Kept free at the edges, in pixels of the map. */
const MARGIN = 5;

/** The rectangles of all steps that are shown, as one path for each shade, and what they take together. */
export function shapesOf({ boxes, frames, hidden, items }: Scene): { paths: Readonly<Record<Shade, string>>; bounds: Box | null } {
  const parts = Object.fromEntries(SHADES.map((shade) => [shade, [] as string[]])) as Record<Shade, string[]>;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [id, { x, y, width, height }] of boxes) {
    if (hidden.has(id)) continue;
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + width), Math.max(bottom, y + height)];
    const shade = frames.has(id) ? "container" : familyOf(items.get(id)?.type ?? "");
    parts[shade].push(`M${Math.round(x)} ${Math.round(y)}h${Math.round(width)}v${Math.round(height)}h${-Math.round(width)}z`);
  }
  const paths = Object.fromEntries(SHADES.map((shade) => [shade, parts[shade].join("")])) as Record<Shade, string>;
  return { paths, bounds: left <= right ? { x: left, y: top, width: right - left, height: bottom - top } : null };
}

/** The part of the canvas that a map of a size shows: all steps and what is seen; `scale` is canvas pixels for one of the map. */
export function extentOf(bounds: Box | null, seen: Box, { width, height }: Size): Box & { readonly scale: number } {
  const [a, b] = [bounds ?? seen, seen];
  const [left, top] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  const [right, bottom] = [Math.max(a.x + a.width, b.x + b.width), Math.max(a.y + a.height, b.y + b.height)];
  const scale = Math.max((right - left) / (width - 2 * MARGIN), (bottom - top) / (height - 2 * MARGIN), Number.MIN_VALUE);
  const size = { width: width * scale, height: height * scale };
  return { x: (left + right - size.width) / 2, y: (top + bottom - size.height) / 2, ...size, scale };
}

/** Everything but what is seen. */
export const maskOf = (extent: Box, seen: Box): string => `${rectangle(extent, 1)}${rectangle(seen, 1)}`;

const rectangle = ({ x, y, width, height }: Box, digits: number): string =>
  `M${x.toFixed(digits)} ${y.toFixed(digits)}h${width.toFixed(digits)}v${height.toFixed(digits)}h${(-width).toFixed(digits)}z`;
