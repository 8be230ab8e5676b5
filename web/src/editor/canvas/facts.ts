/** The one line of facts under a step's name: provider or model first, two facts at most. */
import type { Json, JsonObject, Step } from "pipeloom-client";
import { own } from "../../own";

type Fact = (config: JsonObject) => string | undefined;

function at(config: JsonObject, path: readonly string[]): unknown {
  let value: unknown = config;
  for (const key of path) value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return value;
}

const text = (...path: readonly string[]): Fact => (config) => {
  const value = at(config, path);
  return (typeof value === "string" && value !== "") || typeof value === "number" ? String(value) : undefined;
};

const count = (one: string, many: string, ...path: readonly string[]): Fact => (config) => {
  const value = at(config, path);
  const size = typeof value === "object" && value !== null ? Object.keys(value).length : 0;
  return size === 0 ? undefined : `${size} ${size === 1 ? one : many}`;
};

const after = (word: string, fact: Fact, unit = ""): Fact => (config) => {
  const value = fact(config);
  return value === undefined ? undefined : `${word}${value}${unit}`;
};

/** The first of several that there is. */
const first = (...facts: readonly Fact[]): Fact => (config) => {
  for (const fact of facts) {
    const value = fact(config);
    if (value !== undefined) return value;
  }
  return undefined;
};

/** A reference as people write it: `previous_response:find:files` is `find.files`. */
const source = (...path: readonly string[]): Fact => (config) => {
  const value = at(config, path);
  if (Array.isArray(value)) return `${value.length} items`;
  return typeof value === "string" ? value.replace(/^previous_response:/u, "").replaceAll(":", ".") : undefined;
};

const words = (value: string): string => value.replaceAll("_", " ");

/** One variable with its value, or how many there are. */
const variables: Fact = (config) => {
  const value = at(config, ["variables"]);
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const [only] = entries;
  if (entries.length === 1 && only && typeof only[1] !== "object") return `${only[0]} = ${String(only[1])}`;
  return entries.length === 0 ? undefined : `${entries.length} variables`;
};

/** What is done, and to which files. */
const files: Fact = (config) => {
  const operation = text("operation")(config);
  const path = first(text("source"), text("path"))(config);
  const pattern = text("pattern")(config);
  const where = [path?.replace(/\/$/u, ""), pattern].filter((part) => part !== undefined).join("/");
  return operation === undefined ? where || undefined : [words(capital(operation)), where].filter(Boolean).join(" ");
};

const queries: Fact = (config) => {
  const value = at(config, ["queries"]);
  const names = typeof value === "object" && value !== null ? Object.keys(value) : [];
  return names.length === 1 ? `Find ${words(names[0] ?? "")}` : names.length === 0 ? undefined : `${names.length} queries`;
};

const capital = (value: string): string => value.charAt(0).toUpperCase() + value.slice(1);

const CLAUDE: readonly Fact[] = [
  text("claude_options", "model"),
  after("", text("preset"), " preset"),
  after("session ", text("session_config", "session_name")),
  text("extraction_config", "format"),
  count("task", "tasks", "tasks"),
  count("task", "tasks", "parallel_tasks"),
  after("", text("retry_config", "max_retries"), " retries"),
  after("", text("claude_options", "max_turns"), " turns"),
  count("tool", "tools", "claude_options", "allowed_tools"),
];

const GEMINI: readonly Fact[] = [
  text("model"),
  (config) => (at(config, ["schema"]) === undefined ? undefined : "typed"),
  count("function", "functions", "functions"),
];

/** Shown where there is nothing else to show. */
const OTHERWISE = count("prompt part", "prompt parts", "prompt");

const FACTS: Readonly<Record<string, readonly Fact[]>> = {
  gemini: [text("model"), count("function", "functions", "functions")],
  gemini_instructor: GEMINI,
  for_loop: [(config) => [after("each ", text("iterator"))(config), after("in ", source("data_source"))(config)].filter(Boolean).join(" ") || undefined],
  while_loop: [(config) => after("while ", condition("condition"))(config)],
  switch: [after("on ", source("expression"))],
  pipeline: [text("pipeline_file"), text("pipeline_ref"), (config) => (typeof at(config, ["pipeline"]) === "object" ? "inline" : undefined)],
  data_transform: [first(count("operation", "operations", "operations"), after("reads ", source("input_source")))],
  file_ops: [files],
  codebase_query: [queries],
  set_variable: [variables],
  checkpoint: [text("checkpoint_name"), count("value", "values", "state")],
  bash: [text("command")],
  test_echo: [text("value")],
};

export function factsOf({ type, config }: Pick<Step, "type" | "config">): string {
  const rules = own(FACTS, type) ?? (type.includes("claude") ? CLAUDE : []);
  const facts: string[] = [];
  for (const rule of rules) {
    const fact = rule(config);
    if (fact !== undefined) facts.push(fact);
    if (facts.length === 2) break;
  }
  return facts.length > 0 || rules.length === 0 ? facts.join(", ") : (OTHERWISE(config) ?? "");
}

const condition = (field: string): Fact => (config) => {
  const value = at(config, [field]);
  return typeof value === "string" ? shortened(value) : typeof value === "object" && value !== null ? "several conditions" : undefined;
};

/** Signs as people read them. */
const shortened = (value: string): string | undefined =>
  value.trim().replaceAll(">=", "≥").replaceAll("<=", "≤").replaceAll("!=", "≠").replaceAll("==", "=") || undefined;

const LONGEST = 28;

/** The condition of a step in a few words, without the name of the step it reads; null if it has none. */
export function conditionOf(config: Readonly<Record<string, Json>>): string | null {
  const found = condition("condition")(config as JsonObject);
  if (found === undefined) return null;
  const short = found.replace(/^[a-z_][\w-]*\.(?=[a-z_])/iu, "");
  return short.length > LONGEST ? `${short.slice(0, LONGEST - 1)}…` : short;
}
