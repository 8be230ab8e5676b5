import { expect, it } from "vitest";
import { caseOf, slotOfCase, titleOf } from "./slots";

it.each([
  ['cases:"low"', "low"],
  ["cases:true", "true"],
  ["cases:200", "200"],
  ["cases:no JSON", "no JSON"],
  ["default", null],
])("the case of %j is %j", (slot, value) => {
  expect(caseOf(slot)).toBe(value);
});

it.each([
  [" low ", 'cases:"low"'],
  ["true", "cases:true"],
  ["-1.5", "cases:-1.5"],
  ["007", 'cases:"007"'],
])("the slot of the case %j is %j", (value, slot) => {
  expect(slotOfCase(value)).toBe(slot);
});

it("has words for slots", () => {
  expect(["error_handler", "default", "of_others"].map(titleOf)).toEqual(["on error", "default", "of others"]);
});
