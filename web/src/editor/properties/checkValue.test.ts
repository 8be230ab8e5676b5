import { expect, it } from "vitest";
import { checkValue } from "./checkValue";

it.each([
  [{ type: "integer", minimum: 1 }, 12, null],
  [{ type: "integer", minimum: 1 }, 0, "Expected a whole number of at least 1, got 0"],
  [{ type: "integer", minimum: 1 }, "soon", "Expected a whole number of at least 1, got “soon”"],
  [{ type: "integer", minimum: 1 }, "{{inputs.turns}}", null],
  [{ type: "number", minimum: 0, maximum: 1 }, 2, "Expected a number from 0 to 1, got 2"],
  [{ type: "number", exclusiveMinimum: 0 }, 0, "Expected a number above 0, got 0"],
  [{ type: "string", enum: ["text", "json"] }, "xml", "Expected one of text, json, got “xml”"],
  [{ type: "array", items: { type: "string" } }, ["a", 1], "Item 2: expected a text, got 1"],
  [{ type: "array", minItems: 1 }, [], "Expected a list with at least one item, got an empty list"],
  [{ anyOf: [{ type: "string" }, { type: "object" }] }, [], "Expected a text or a map, got an empty list"],
  [{ type: "boolean" }, undefined, null],
  [{}, { any: 1 }, null],
] as const)("%j has against %j: %j", (schema, value, reason) => {
  expect(checkValue(schema as never, value as never)).toBe(reason);
});
