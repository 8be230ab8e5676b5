import { expect, it } from "vitest";
import { factsOf } from "./facts";

it.each([
  ["claude", { claude_options: { model: "sonnet", max_turns: 20 } }, "sonnet, 20 turns"],
  ["claude_session", { session_config: { session_name: "review" } }, "session review"],
  ["gemini", { model: "gemini-2.5-pro", functions: [{}, {}], prompt: [{}] }, "gemini-2.5-pro, 2 functions"],
  ["gemini", { prompt: [{}] }, "1 prompt part"],
  ["for_loop", { iterator: "file", data_source: "previous_response:files" }, "each file, in previous_response:files"],
  // What others write into a document may be of any kind.
  ["gemini", { model: { no: "text" } }, ""],
  ["unheard_of", { model: "x" }, ""],
])("of %s with %j shows %j", (type, config, shown) => {
  expect(factsOf({ type: type as never, config })).toBe(shown);
});
