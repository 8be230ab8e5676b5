/** The steps of a template, to paste them: with the values that it has for its variables. */
import type { Json, JsonObject } from "pipeloom-client";

export interface FilledTemplate {
  readonly default_values: JsonObject;
  /** As `crdt/yaml/pipeline_json.py` writes a pipeline. */
  readonly pipeline_config: JsonObject;
}

const VARIABLE = /\{\{\s*template\.([A-Za-z_]\w{0,99})\s*\}\}/gu;

export function stepsOf({ default_values: values, pipeline_config: config }: FilledTemplate): Json {
  const { steps = [], connections = [] } = filled(config, values) as { steps?: JsonObject[]; connections?: JsonObject[] };
  const key = ({ slot, order }: JsonObject): string => `${String(slot)} ${String(order)}`;
  return { steps: [...steps].sort((a, b) => (key(a) < key(b) ? -1 : 1)), connections };
}

/** A text that is nothing but a variable becomes its value; what has no value stays as it is. */
function filled(value: Json, values: JsonObject): Json {
  if (typeof value === "string") return filledText(value, values);
  if (Array.isArray(value)) return value.map((item: Json) => filled(item, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, values)]));
}

function filledText(text: string, values: JsonObject): Json {
  const [whole] = text.matchAll(VARIABLE);
  if (whole?.[0] === text && Object.hasOwn(values, whole[1] ?? "")) return values[whole[1] ?? ""] ?? null;
  return text.replace(VARIABLE, (found, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined ? found : typeof value === "string" ? value : JSON.stringify(value);
  });
}
