import { expect, it } from "vitest";
import { conditionOf, factsOf } from "./facts";

it.each([
  ["claude", { claude_options: { model: "sonnet", max_turns: 20 } }, "sonnet, 20 turns"],
  ["claude", { claude_options: { model: "sonnet", allowed_tools: ["Read", "Bash"] } }, "sonnet, 2 tools"],
  ["claude_session", { session_config: { session_name: "review" } }, "session review"],
  ["claude_robust", { claude_options: { model: "opus" }, retry_config: { max_retries: 3 } }, "opus, 3 retries"],
  ["gemini", { model: "gemini-2.5-pro", functions: [{}, {}], prompt: [{}] }, "gemini-2.5-pro, 2 functions"],
  ["gemini_instructor", { model: "gemini-2.5-pro", schema: {} }, "gemini-2.5-pro, typed"],
  ["gemini", { prompt: [{}] }, "1 prompt part"],
  ["for_loop", { iterator: "file", data_source: "previous_response:find:files" }, "each file in find.files"],
  ["while_loop", { condition: "check.passed == false" }, "while check.passed = false"],
  ["file_ops", { operation: "list", path: "diff/", pattern: "*.patch" }, "List diff/*.patch"],
  ["codebase_query", { queries: { dependents: {} } }, "Find dependents"],
  ["set_variable", { variables: { needs_review: true } }, "needs_review = true"],
  ["set_variable", { variables: { a: 1, b: 2 } }, "2 variables"],
  ["pipeline", { pipeline: {} }, "inline"],
  // What others write into a document may be of any kind.
  ["gemini", { model: { no: "text" } }, ""],
  ["set_variable", { variables: 7 }, ""],
  ["unheard_of", { model: "x" }, ""],
])("of %s with %j shows %j", (type, config, shown) => {
  expect(factsOf({ type: type as never, config: config as never })).toBe(shown);
});

it.each([
  [{}, null],
  [{ condition: "" }, null],
  [{ condition: "security_audit.severity >= 7" }, "severity ≥ 7"],
  [{ condition: "a".repeat(40) }, `${"a".repeat(27)}…`],
  [{ condition: { and: [] } }, "several conditions"],
])("the condition of %j is %j", (config, shown) => {
  expect(conditionOf(config as never)).toBe(shown);
});
