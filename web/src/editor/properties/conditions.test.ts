import type { Json } from "pipeloom-client";
import { expect, it } from "vitest";
import { changedAt, keysNow, negated, nodeOf, pathNow, placeNow, rowOf, textOfRow, withPart, withWord, wordsFor } from "./conditions";

it.each([
  ["review.score > 7", "review.score", ">", "7"],
  ["kind == 'a and b'", "kind", "==", "'a and b'"],
  ["length(issues) >= 3", "length(issues)", ">=", "3"],
  ["n between 1 and 5", "n", "between", "1 and 5"],
  ["done ==", "done", "==", ""],
  ["== 7", "", "==", "7"],
  ["", "", "", ""],
  ["check.passed", "check.passed", "", ""],
  ["a == 1 and b == 2", "a == 1 and b == 2", "", ""],
  ["a  == 1", "a  == 1", "", ""],
  ["{{state.n < state.most}}", "{{state.n < state.most}}", "", ""],
  ["not a == 1", "not a == 1", "", ""],
  ['say == "it', "say", "==", '"it'],
])("reads %j as a row and back", (text, field, operator, value) => {
  expect(rowOf(text)).toEqual({ field, operator, value });
  expect(textOfRow(rowOf(text))).toBe(text);
});

it("knows groups by their one word, and leaves the rest alone", () => {
  expect(nodeOf({ or: ["a"] })).toEqual({ kind: "group", word: "or", items: ["a"], at: ["or"] });
  expect(nodeOf(["a"])).toEqual({ kind: "group", word: "and", items: ["a"], at: [] });
  expect(nodeOf({ not: "a" })).toEqual({ kind: "not", item: "a" });
  for (const other of [{ and: ["a"], or: ["b"] }, { and: "a" }, { field: "a" }, {}, true, null, 3]) expect(nodeOf(other)).toEqual({ kind: "other" });
});

it("says conditions in words, with brackets where they are needed", () => {
  expect(wordsFor({ and: ["a > 1", { or: ["b", { not: { and: ["c", "d"] } }] }] })).toBe("a > 1 and (b or not (c and d))");
  expect(wordsFor(["a", { or: ["b"] }])).toBe("a and b");
  expect(wordsFor({ mine: 1 })).toBe('{"mine":1}');
});

const TREE: Json = { and: ["a", { or: ["b", { mine: 1 }] }, { not: "c" }] };

it("changes one part and nothing else; what is empty then goes", () => {
  expect(changedAt(TREE, ["and", 1, "or", 0], () => "x")).toEqual({ and: ["a", { or: ["x", { mine: 1 }] }, { not: "c" }] });
  expect(changedAt(TREE, ["and", 2, "not"], () => undefined)).toEqual({ and: ["a", { or: ["b", { mine: 1 }] }] });
  expect(changedAt({ and: [{ or: ["a"] }] }, ["and", 0, "or", 0], () => undefined)).toBeUndefined();
  expect(changedAt(TREE, ["or", 7], () => "x")).toEqual(TREE);
});

it("adds to groups, and makes one of a single condition", () => {
  expect(withPart(undefined, [], "a")).toBe("a");
  expect(withPart("a", [], "b")).toEqual({ and: ["a", "b"] });
  expect(withPart(["a"], [], "b")).toEqual(["a", "b"]);
  expect(withPart(TREE, ["and", 1], "x")).toEqual({ and: ["a", { or: ["b", { mine: 1 }, "x"] }, { not: "c" }] });
});

it("turns groups and negates", () => {
  expect(withWord(["a", "b"], "or")).toEqual({ or: ["a", "b"] });
  expect(withWord(["a", "b"], "and")).toEqual(["a", "b"]);
  expect(negated(negated("a"))).toBe("a");
});

it("follows a part that others have moved by adding or removing", () => {
  expect(placeNow(["x", "a", "b"], 1, "b")).toBe(2);
  expect(placeNow(["a", "changed"], 1, "b")).toBe(1);
});

it("finds a part in a condition that others have changed around it", () => {
  expect(pathNow({ and: ["a", "b"] }, { and: ["x", "a", "b"] }, ["and", 1])).toEqual(["and", 2]);
  expect(pathNow("a", { or: ["x", "a"] }, [])).toEqual(["or", 1]);
  expect(pathNow("a", "changed", [])).toEqual([]);
  expect(pathNow({ and: [{ not: "a" }] }, { and: ["x", { not: "a" }] }, ["and", 0, "not"])).toEqual(["and", 1, "not"]);
});

it("keeps the keys of items while others come, go and change", () => {
  let made = 10;
  const keys = (former: string[], now: string[]): number[] => keysNow(former, former.map((_, at) => at), now, () => made++);
  expect(keys(["a", "b", "c"], ["b", "c"])).toEqual([1, 2]);
  expect(keys(["a", "b", "c"], ["a", "B", "c"])).toEqual([0, 1, 2]);
  expect(keys(["a", "b"], ["x", "a", "b"])).toEqual([10, 0, 1]);
  expect(keys(["a", "a"], ["a"])).toEqual([0]);
});
