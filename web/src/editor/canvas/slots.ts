/** The names of slots as people read them. */
import { own } from "../../own";

const TITLES: Readonly<Record<string, string>> = {
  default: "default",
  steps: "steps",
  error_handler: "on error",
  on_error: "on error",
  on_not_found: "if not found",
  "pipeline.steps": "steps",
  "pipeline.workflow.steps": "steps",
};

const CASE = "cases:";

/** The value of a case, written as in a file; null for slots that are none. */
export function caseOf(slot: string): string | null {
  if (!slot.startsWith(CASE)) return null;
  const text = slot.slice(CASE.length);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : text;
  } catch {
    return text;
  }
}

export const titleOf = (slot: string): string => own(TITLES, slot) ?? slot.replaceAll("_", " ");

/** The slot of a case: what reads like a number, true or false is one. */
export function slotOfCase(value: string): string {
  const text = value.trim();
  return /^(true|false|-?(0|[1-9]\d*)(\.\d+)?)$/u.test(text) ? `${CASE}${text}` : `${CASE}${JSON.stringify(text)}`;
}
