import { expect, it } from "vitest";
import { shiftInto, shiftSideways } from "./intoView";

const SEEN = { left: 0, top: 0, right: 100, bottom: 100 };
const box = (left: number, top: number, width = 20, height = 20) => ({ left, top, right: left + width, bottom: top + height });

it.each([
  ["what is seen stays", box(40, 40), { x: 0, y: 0 }],
  ["below", box(40, 95), { x: 0, y: -15 }],
  ["above and to the left", box(-5, -50), { x: 5, y: 50 }],
  ["to the right", box(130, 0), { x: -50, y: 0 }],
  ["larger than the view", box(10, 20, 200, 20), { x: -10, y: 0 }],
])("moves %s", (_, at, by) => {
  expect(shiftInto(at, SEEN)).toEqual(by);
});

it.each([
  ["what is seen stays", 40, 60, 0],
  ["to the right", 90, 110, -10],
  ["to the left", -5, 15, 5],
  ["what does not fit in stays", 50, 160, 0],
])("moves sideways %s", (_, left, right, by) => {
  expect(shiftSideways({ left, right }, SEEN)).toBe(by);
});
