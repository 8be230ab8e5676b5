import { expect, it } from "vitest";
import { aligned } from "./aligning";

const boxes = new Map([
  ["a", { x: 0, y: 0, width: 224, height: 56 }],
  ["b", { x: 100, y: 90, width: 264, height: 136 }],
  ["c", { x: 400, y: 400, width: 224, height: 56 }],
]);

it.each([
  ["left", { b: { x: 0, y: 90 }, c: { x: 0, y: 400 } }],
  ["top", { b: { x: 100, y: 0 }, c: { x: 400, y: 0 } }],
  ["center", { a: { x: 200, y: 0 }, b: { x: 180, y: 90 }, c: { x: 200, y: 400 } }],
  ["across", { b: { x: 180, y: 90 } }],
  ["down", { b: { x: 100, y: 160 } }],
] as const)("%s", (alignment, places) => {
  expect(Object.fromEntries(aligned(boxes, alignment))).toEqual(places);
});
