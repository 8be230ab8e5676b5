import { expect, it } from "vitest";
import { seenIn, viewOf, viewOfAll } from "./useFirstView";

const box = (x: number, y: number, width = 224, height = 56) => ({ x, y, width, height });
const scene = (boxes: Record<string, ReturnType<typeof box>>, hidden: Record<string, string> = {}) => ({
  boxes: new Map(Object.entries(boxes)),
  hidden: new Map(Object.entries(hidden)),
});

it("shows a few steps at 100 %, in the middle", () => {
  expect(viewOfAll(scene({ a: box(0, 0), b: box(376, 144) }), { width: 1000, height: 704 })).toEqual({ x: 200, y: 252, zoom: 1 });
});

it("goes away from many, no further than one may", () => {
  const { zoom } = viewOfAll(scene({ a: box(0, 0), b: box(1648, 0) }), { width: 1000, height: 704 }) ?? {};
  expect(zoom).toBeCloseTo(936 / 1872);
  expect(viewOfAll(scene({ a: box(0, 0), b: box(1e6, 0) }), { width: 1000, height: 704 })?.zoom).toBe(0.1);
});

it("leaves out what lies in folded containers", () => {
  const folded = scene({ a: box(0, 0), b: box(5000, 0) }, { b: "a" });
  expect(viewOfAll(folded, { width: 1000, height: 704 })?.zoom).toBe(1);
});

it("finds nothing where there is nothing, or no room", () => {
  expect(viewOfAll(scene({}), { width: 1000, height: 704 })).toBeNull();
  expect(viewOfAll(scene({ a: box(0, 0) }), { width: 0, height: 0 })).toBeNull();
});

it("keeps what is in the middle there in a canvas of another size", () => {
  const seen = seenIn({ x: 272, y: 2, zoom: 0.5 }, { width: 1200, height: 800 });
  expect(viewOf(seen, { width: 1200, height: 800 })).toEqual({ x: 272, y: 2, zoom: 0.5 });
  expect(viewOf(seen, { width: 600, height: 700 })).toEqual({ x: -28, y: -48, zoom: 0.5 });
});
