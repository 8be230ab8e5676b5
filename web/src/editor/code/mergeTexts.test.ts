import { expect, it } from "vitest";
import { mergeTexts } from "./mergeTexts";

it("keeps the lines of both, and mine with theirs beside them where both changed the same", () => {
  const base = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";
  expect(mergeTexts(base, base.replace("1", "one"), base.replace("5", "five"))).toEqual({ text: "a: one\nb: 2\nc: 3\nd: 4\ne: five\n", conflicts: [] });
  expect(mergeTexts(base, base.replace("c: 3", "c: mine"), base.replace("c: 3", "c: theirs"))).toEqual({
    text: base.replace("c: 3", "c: mine"),
    conflicts: [{ line: 3, theirs: ["c: theirs"] }],
  });
  expect(mergeTexts(base, base, "x\n").text).toBe("x\n");
  expect(mergeTexts(base, base.replace("3", "7"), base.replace("3", "7")).conflicts).toEqual([]);
});
