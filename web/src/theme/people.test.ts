import { expect, it } from "vitest";
import { initials, personNumber } from "./people";

it("gives a person the same colour everywhere, and uses all eight", () => {
  const ids = Array.from({ length: 200 }, (_, at) => `user-${at}`);
  expect(new Set(ids.map(personNumber))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8]));
  expect(personNumber("user-1")).toBe(personNumber("user-1"));
});

it.each([
  ["Ada Krol", "AK"],
  ["ada", "A"],
  ["  Jean Luc de  Vries ", "JV"],
  ["", "?"],
  ["😀 Smile", "😀S"],
])("shortens %j to %s", (name, letters) => {
  expect(initials(name)).toBe(letters);
});
