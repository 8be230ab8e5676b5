/** Which control a schema asks for. */
import type { JsonSchema } from "pipeloom-client/rest";

export type FieldKind = "text" | "number" | "flag" | "choice";

export function kindOf({ type, enum: words }: JsonSchema): FieldKind | null {
  if (words) return "choice";
  if (type === "string") return "text";
  if (type === "number" || type === "integer") return "number";
  return type === "boolean" ? "flag" : null;
}

/** Whether one control is enough for it. */
export const isSimple = (schema: JsonSchema): boolean => kindOf(schema) !== null;
