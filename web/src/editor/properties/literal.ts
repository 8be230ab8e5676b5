/** Values as one types them into one line: 12, true, a text, "12" for the text, and JSON for the rest. */
import type { Json } from "pipeloom-client";

/** What is typed as a value; undefined for nothing. */
export function valueOf(typed: string): Json | undefined {
  const trimmed = typed.trim();
  if (trimmed === "") return typed === "" ? undefined : typed;
  try {
    return JSON.parse(trimmed) as Json;
  } catch {
    return typed;
  }
}

/** A value as one would type it. */
export function typedOf(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" && valueOf(value) === value ? value : JSON.stringify(value);
}

/** What is typed into a field for numbers: a text that is none stays one, since it may be a template. */
export function numberOf(typed: string): Json | undefined {
  const trimmed = typed.trim();
  if (trimmed === "") return undefined;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}
