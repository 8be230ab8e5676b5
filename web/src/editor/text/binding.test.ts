import { expect, it } from "vitest";
import * as Y from "yjs";
import { difference, shownOf } from "./binding";

it("finds the one change between two texts", () => {
  expect(difference("one two", "one two")).toBeNull();
  expect(difference("one two", "one 2 two")).toEqual({ from: 4, to: 4, insert: "2 " });
  expect(difference("aaa", "aa")).toEqual({ from: 2, to: 3, insert: "" });
  expect(difference("", "x")).toEqual({ from: 0, to: 0, insert: "x" });
});

it("shows a value that is no text as one character, so that places in both stay the same", () => {
  const text = new Y.Doc().getText();
  text.insert(0, "ab");
  text.insertEmbed(1, { image: 1 });
  text.insert(3, "c");
  expect(shownOf(text)).toBe("a\ufffcbc");
  expect(shownOf(text).length).toBe(text.length);
});
