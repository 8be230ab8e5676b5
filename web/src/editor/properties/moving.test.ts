import { expect, it } from "vitest";
import { steps } from "./moving";

it.each([
  [0, 1, [], ["b", "c"], ["b", "a", "c"]],
  [0, 1, [0], ["a", "c"], ["b", "a", "c"]],
  [2, 0, [2], ["c"], ["c", "a", "b"]],
  [0, 2, [0, 1], ["b", "c"], ["b", "c", "a"]],
])("moves %i to %i while somebody is in %j", (from, to, busy, rest, moved) => {
  expect(steps(["a", "b", "c"], from, to, (at) => (busy as number[]).includes(at))).toEqual([rest, moved]);
});
