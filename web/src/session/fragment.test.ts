import { expect, it } from "vitest";
import { takenFrom } from "./fragment";

it.each([
  ["#invitation=abc", "abc", ""],
  ["#token=a.b.c&invitation=abc", "abc", "#token=a.b.c"],
  ["#invitation=", "", ""],
  ["#step=7", null, "#step=7"],
  ["", null, ""],
])("takes the invitation out of %j", (hash, value, rest) => {
  expect(takenFrom(hash, "invitation")).toEqual([value, rest]);
});
