/** The one line of facts under a step's name: provider or model first, two facts at most. */
import type { JsonObject, Step } from "pipeloom-client";

type Fact = (config: JsonObject) => string | undefined;

const text = (...path: readonly string[]): Fact => (config) => {
  let at: unknown = config;
  for (const key of path) at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  return typeof at === "string" || typeof at === "number" ? String(at) : undefined;
};

const count = (field: string, one: string, many: string): Fact => (config) => {
  const value = config[field];
  const size = typeof value === "object" && value !== null ? Object.keys(value).length : 0;
  return size === 0 ? undefined : `${size} ${size === 1 ? one : many}`;
};

const after = (word: string, fact: Fact, unit = ""): Fact => (config) => {
  const value = fact(config);
  return value === undefined ? undefined : `${word}${value}${unit}`;
};

const CLAUDE: readonly Fact[] = [
  text("claude_options", "model"),
  text("preset"),
  after("session ", text("session_config", "session_name")),
  count("tasks", "task", "tasks"),
  count("parallel_tasks", "task", "tasks"),
  after("", text("claude_options", "max_turns"), " turns"),
  count("prompt", "prompt part", "prompt parts"),
];

const FACTS: Readonly<Record<string, readonly Fact[]>> = {
  gemini: [text("model"), count("functions", "function", "functions"), count("prompt", "prompt part", "prompt parts")],
  gemini_instructor: [text("model"), count("prompt", "prompt part", "prompt parts")],
  for_loop: [after("each ", text("iterator")), after("in ", text("data_source"))],
  while_loop: [after("while ", text("condition"))],
  switch: [after("on ", text("expression"))],
  pipeline: [text("pipeline_file"), text("pipeline_ref")],
  data_transform: [count("operations", "operation", "operations")],
  file_ops: [text("operation"), text("source")],
  codebase_query: [count("queries", "query", "queries")],
  set_variable: [count("variables", "variable", "variables")],
  checkpoint: [text("checkpoint_name"), text("state")],
  bash: [text("command")],
};

export function factsOf({ type, config }: Pick<Step, "type" | "config">): string {
  const rules = FACTS[type] ?? (type.includes("claude") ? CLAUDE : []);
  return rules.map((fact) => fact(config)).filter((fact) => fact !== undefined).slice(0, 2).join(", ");
}
