import { expect, it } from "vitest";
import { changeList, getAt, moveItem, pointerOf, renameKey, same, setAt } from "./paths";

it("writes at any depth, makes the maps that are missing, and leaves no empty one behind", () => {
  const config = { prompt: [{ type: "static", content: "a" }, { type: "file" }], other: null };
  expect(setAt(config, ["prompt", 0, "content"], "b")).toEqual({ prompt: [{ type: "static", content: "b" }, { type: "file" }], other: null });
  expect(setAt({}, ["claude_options", "model"], "opus")).toEqual({ claude_options: { model: "opus" } });
  expect(setAt({ a: 1, claude_options: { model: "opus" } }, ["claude_options", "model"], undefined)).toEqual({ a: 1 });
  expect(setAt({ m: {} }, ["m", "x"], undefined)).toEqual({ m: {} });
  expect(setAt({ m: null }, ["m"], null)).toEqual({ m: null });
});

it("changes lists, also one that is not there yet", () => {
  expect(changeList({}, ["prompt"], (list) => [...list, 1])).toEqual({ prompt: [1] });
  expect(changeList({ prompt: [1] }, ["prompt"], () => [])).toEqual({ prompt: [] });
  expect(moveItem(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
});

it("reads nothing but own members", () => {
  expect(getAt({ a: [{ b: 1 }] }, ["a", 0, "b"])).toBe(1);
  expect(getAt({ a: [] }, ["constructor"])).toBeUndefined();
  expect(getAt({ a: "text" }, ["a", 0])).toBeUndefined();
});

it("renames a key in its place, unless it is taken", () => {
  expect(Object.entries(renameKey({ a: 1, b: 2 }, "a", "c") ?? {})).toEqual([["c", 1], ["b", 2]]);
  expect(renameKey({ a: 1, b: 2 }, "a", "b")).toBeNull();
});

it("writes pointers and compares values", () => {
  expect(pointerOf(["config", "a/b", 0, "~"])).toBe("/config/a~1b/0/~0");
  expect(same({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
  expect(same([], {})).toBe(false);
  expect(same({ a: undefined }, { b: undefined })).toBe(false);
});
