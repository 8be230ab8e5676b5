import { expect, it } from "vitest";
import { numberOf, typedOf, valueOf } from "./literal";

it.each([
  ["", undefined],
  ["12", 12],
  ["true", true],
  ["null", null],
  ['"12"', "12"],
  ["twelve", "twelve"],
  ["{{steps.a.result}}", "{{steps.a.result}}"],
  ['{"a": [1]}', { a: [1] }],
  ["{a: 1}", "{a: 1}"],
  ["  ", "  "],
])("%j is typed for %j", (typed, value) => {
  expect(valueOf(typed)).toEqual(value);
});

it.each([undefined, 12, true, null, "12", "true", "a text", " padded ", "", [1, { a: null }], "{x"])("%j can be typed", (value) => {
  expect(valueOf(typedOf(value))).toEqual(value);
});

it("takes for a number what is one, and keeps templates", () => {
  expect([numberOf(" 12 "), numberOf(""), numberOf("{{a}}"), numberOf("1e3"), numberOf("Infinity")]).toEqual([12, undefined, "{{a}}", 1000, "Infinity"]);
});
