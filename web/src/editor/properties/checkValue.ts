/** What a schema has against a value, in words. Nothing is refused because of it. */
import type { Json } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { isList, isObject } from "./paths";

/** Null if the value is as expected. A template may stand for anything: a runner fills it in. */
export function checkValue(schema: JsonSchema, value: Json | undefined): string | null {
  if (value === undefined || isTemplate(value) || accepts(schema, value)) return null;
  if (isList(value) && schema.type === "array") {
    const at = value.findIndex((item) => !isTemplate(item) && !accepts(schema.items ?? {}, item));
    if (at >= 0) return `Item ${at + 1}: expected ${expected(schema.items ?? {})}, got ${shown(value[at])}`;
  }
  return `Expected ${expected(schema)}, got ${shown(value)}`;
}

const isTemplate = (value: Json | undefined): boolean => typeof value === "string" && /\{\{[^{}]*\}\}/.test(value);

function accepts(schema: JsonSchema, value: Json): boolean {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives && !alternatives.some((each) => accepts(each, value))) return false;
  if (schema.enum && !schema.enum.includes(value as string)) return false;
  if (schema.const !== undefined && schema.const !== value) return false;
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOfType(value, type))) return false;
  if (typeof value === "number") return isWithin(schema, value);
  if (typeof value === "string") return value.length >= (schema.minLength ?? 0) && value.length <= (schema.maxLength ?? Infinity);
  if (isList(value)) return value.length >= (schema.minItems ?? 0) && value.every((item) => isTemplate(item) || accepts(schema.items ?? {}, item));
  return true;
}

const isWithin = ({ minimum = -Infinity, exclusiveMinimum = -Infinity, maximum = Infinity }: JsonSchema, value: number): boolean =>
  value >= minimum && value > exclusiveMinimum && value <= maximum;

function isOfType(value: Json, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return isList(value);
  if (type === "object") return isObject(value);
  if (type === "null") return value === null;
  return typeof value === type;
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
};

function expected(schema: JsonSchema): string {
  if (schema.enum) return `one of ${schema.enum.join(", ")}`;
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return [...new Set(alternatives.map(expected))].join(" or ");
  const types = [schema.type ?? []].flat().map((type) => TYPES[type] ?? type);
  return [types.join(" or ") || "something else", bounds(schema)].filter(Boolean).join(" ");
}

function bounds({ minimum, exclusiveMinimum, maximum, minItems, maxLength }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) return `from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `of at least ${minimum}`;
  if (exclusiveMinimum !== undefined) return `above ${exclusiveMinimum}`;
  if (maximum !== undefined) return `of at most ${maximum}`;
  if (minItems !== undefined) return `with at least ${minItems === 1 ? "one item" : `${minItems} items`}`;
  return maxLength === undefined ? "" : `of at most ${maxLength} characters`;
}

const LONGEST = 40;

function shown(value: Json | undefined): string {
  if (typeof value === "string") return value === "" ? "an empty text" : `“${value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value}”`;
  if (isList(value)) return value.length === 0 ? "an empty list" : "a list";
  return isObject(value) ? "a map" : String(value);
}
