/** A step as YAML, as a file of a pipeline has it, and back. */
import type { Json, JsonObject, Step } from "pipeloom-client";
import { type Document, LineCounter, parseDocument, stringify } from "yaml";
import type { LineProblem } from "../text/lineProblems";
import { isObject } from "./paths";

/** What is edited as YAML: all of a step but its place, its identity and the steps inside of it. */
export interface StepText {
  readonly name: string;
  readonly type: string;
  readonly enabled: boolean;
  readonly config: JsonObject;
}

export type Read<T> = { readonly value: T; readonly problems?: undefined } | { readonly problems: readonly LineProblem[] };

export const textOfValue = (value: Json): string =>
  stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, defaultStringType: "PLAIN" });

export function textOf({ name, type, enabled, config }: StepText): string {
  return textOfValue({ name, type, ...(enabled ? {} : { enabled }), ...config });
}

/** A config may hold what files have beside it: an `enabled` that is no boolean belongs there, a name does not. */
export function partOf({ name, type, enabled, config }: Step): StepText {
  const own = Object.entries(config).filter(([key, value]) => key !== "name" && key !== "type" && (key !== "enabled" || typeof value !== "boolean"));
  return { name, type, enabled, config: own.length === Object.keys(config).length ? config : Object.fromEntries(own) };
}

/** Read any YAML value. */
export function readValue(text: string): Read<Json> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const problems = [...document.errors, ...document.warnings].map(({ name, message, pos: [at] }): LineProblem => {
    return { severity: name === "YAMLParseError" ? "error" : "warning", line: lines.linePos(at).line || 1, message: sentence(message) };
  });
  // The others mostly follow from the first one.
  const first = problems.find(({ severity }) => severity === "error");
  if (first !== undefined) return { problems: [first] };
  try {
    return { value: (document.toJS({ maxAliasCount: 1000 }) ?? null) as Json };
  } catch (error) {
    return { problems: [{ severity: "error", line: 1, message: sentence(String(error instanceof Error ? error.message : error)) }] };
  }
}

/** Read a step; `slots` are the keys under which its type has other steps. */
export function readStep(text: string, slots: readonly string[]): Read<StepText> {
  const read = readValue(text);
  if (read.problems) return read;
  const wrong = (key: string | null, message: string): Read<StepText> => ({ problems: [{ severity: "error", line: lineOf(text, key), message }] });
  if (!isObject(read.value)) return wrong(null, "Expected a map of the step's keys, such as “name: …”");
  const { name, type, ...others } = read.value;
  if (typeof name !== "string" || name.trim() === "") return wrong("name", "Expected a name: a text that is not empty");
  if (typeof type !== "string" || type.trim() === "") return wrong("type", "Expected a type: a text that is not empty");
  const { enabled, ...rest } = others;
  const config = typeof enabled === "boolean" ? rest : others;
  const slot = slots.find((path) => hasPath(config, path.split(".")));
  if (slot !== undefined) return wrong(slot.split(".")[0] ?? null, "The steps inside of a step are edited on the canvas, or in the view Code");
  return { value: { name, type, enabled: enabled !== false, config } };
}

/** Under `cases`, `default` and the like there are steps only if a list is there, or a map of lists. */
function hasPath(config: JsonObject, [key = "", ...below]: readonly string[]): boolean {
  const value = Object.hasOwn(config, key) ? config[key] : undefined;
  if (below.length > 0) return isObject(value) && hasPath(value, below);
  return Array.isArray(value) || (isObject(value) && Object.values(value).some(Array.isArray));
}

/** The line on which a key of the outermost map stands; 1 if it stands nowhere. */
export function lineOf(text: string, key: string | null): number {
  const lines = new LineCounter();
  const document: Document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const items = (document.contents as { items?: { key?: { value?: unknown; range?: readonly number[] } }[] } | null)?.items ?? [];
  const found = items.find((each) => each.key?.value === key)?.key?.range?.[0];
  return found === undefined ? 1 : lines.linePos(found).line;
}

const sentence = (message: string): string => message.charAt(0).toUpperCase() + message.slice(1);
