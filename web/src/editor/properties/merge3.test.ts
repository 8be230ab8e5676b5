import { expect, it } from "vitest";
import { merge3 } from "./merge3";

it("keeps the changes of both, and mine where both changed one thing", () => {
  const base = { model: "a", options: { turns: 1, tools: ["x"] }, gone: 1, theirs: 1 };
  const mine = { model: "b", options: { turns: 2, tools: ["x"] }, theirs: 1, added: true };
  const theirs = { model: "c", options: { turns: 1, tools: ["x", "y"] }, gone: 1, other: null };
  expect(merge3(base, mine, theirs)).toEqual({ model: "b", options: { turns: 2, tools: ["x", "y"] }, added: true, other: null });
});

it("takes what only one has touched, whatever it is", () => {
  expect(merge3([1], [1], "theirs")).toBe("theirs");
  expect(merge3([1], "mine", [1])).toBe("mine");
  expect(merge3({ a: 1 }, {}, { a: 1 })).toEqual({});
});
