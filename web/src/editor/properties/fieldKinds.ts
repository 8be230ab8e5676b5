/** Which control a field gets, by its schema and by what stands there now. */
import type { Json, Path } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { isList, isObject } from "./paths";

export type FieldKind =
  | "flag"
  | "choice"
  | "number"
  | "text"
  | "long text"
  | "shared text"
  | "texts"
  | "checks"
  | "parts"
  | "items"
  | "group"
  | "map"
  | "condition"
  /** A value of any kind, as one types it. */
  | "any";

/** Texts in which several people type at once (docs/document-model.md). */
const SHARED: readonly (string | number | undefined)[] = ["content", "description", "prompt"];

/** Texts that are seldom short. */
const LONG: readonly (string | number | undefined)[] = ["system_prompt", "append_system_prompt", "new_prompt", "command", "error_message"];

/** `isShared` says whether the document has a shared text there already. */
export function kindOf(schema: JsonSchema, value: Json | undefined, path: Path, isShared = false): FieldKind {
  if (isShared) return "shared text";
  if (isCondition(schema, value, path)) return "condition";
  const fitting = alternative(schema, value);
  const kind = kindOfSchema(fitting, path);
  return isShown(kind, value) ? kind : "any";
}

/** Texts of one line, groups and lists; other values are no conditions that rows could show. */
function isCondition({ anyOf = [] }: JsonSchema, value: Json | undefined, path: Path): boolean {
  if (path.at(-1) !== "condition" || !anyOf.some(({ type }) => type === "object")) return false;
  return value === undefined || isList(value) || isObject(value) || (typeof value === "string" && !value.includes("\n"));
}

/** Of several rules the one that the value follows; the first one for no value. */
function alternative(schema: JsonSchema, value: Json | undefined): JsonSchema {
  const { anyOf } = schema;
  if (anyOf === undefined) return schema;
  return (value === undefined ? anyOf[0] : anyOf.find(({ type }) => type === undefined || [type].flat().includes(typeOf(value)))) ?? {};
}

function typeOf(value: Json): string {
  if (isList(value)) return "array";
  return value === null ? "null" : typeof value;
}

function kindOfSchema(schema: JsonSchema, path: Path): FieldKind {
  if (schema.enum) return "choice";
  switch (schema.type) {
    case "boolean":
      return "flag";
    case "number":
    case "integer":
      return "number";
    case "string":
      return kindOfText(path);
    case "array":
      return kindOfList(schema.items);
    case "object":
      return schema.properties ? "group" : "map";
    default:
      return "any";
  }
}

function kindOfText(path: Path): FieldKind {
  const isInSharedMap = path.length === 1 || typeof path.at(-2) === "number";
  if (isInSharedMap && SHARED.includes(path.at(-1))) return "shared text";
  return LONG.includes(path.at(-1)) ? "long text" : "text";
}

function kindOfList(items: JsonSchema | undefined): FieldKind {
  if (items?.oneOf) return "parts";
  if (items?.type === "string") return items.examples ? "checks" : "texts";
  return items?.type === "object" && items.properties ? "items" : "any";
}

/** Whether a control can show a value without changing it; a number's shows any text. */
function isShown(kind: FieldKind, value: Json | undefined): boolean {
  if (value === undefined) return true;
  switch (kind) {
    case "flag":
      return typeof value === "boolean";
    case "texts":
    case "checks":
      return isList(value) && value.every((item) => typeof item === "string");
    case "parts":
    case "items":
      return isList(value);
    case "group":
    case "map":
      return isObject(value);
    case "any":
      return true;
    default:
      return !isList(value) && !isObject(value) && value !== null;
  }
}
