import { expect, it } from "vitest";
import { rowsOf, sectionsOf } from "./layout";

const TEXT = { type: "string" };
const COUNT = { type: "integer" };
const SCHEMA = {
  properties: {
    description: TEXT,
    condition: TEXT,
    output_to_file: TEXT,
    prompt: { type: "array", title: "Prompt", items: { oneOf: [] } },
    claude_options: { title: "Options", type: "object", properties: { model: TEXT, max_turns: COUNT, verbose: { type: "boolean" }, allowed_tools: { type: "array", items: TEXT } } },
  },
  required: ["prompt"],
};

it("puts what belongs together into sections, and shows every key once", () => {
  const config = { prompt: [], claude_options: { model: "opus", secret: 1 }, mine: true };
  const sections = sectionsOf(SCHEMA, config);
  expect(sections.map(({ id, isSeldom, fields }) => [id, isSeldom, fields.map(({ path }) => path.join("."))])).toEqual([
    ["general", false, ["claude_options.model", "claude_options.max_turns", "description"]],
    ["prompt", false, ["prompt"]],
    ["tools", false, ["claude_options.allowed_tools"]],
    ["output", false, ["output_to_file"]],
    ["running", true, ["condition"]],
    ["claude_options", false, ["claude_options.verbose", "claude_options.secret"]],
    ["others", false, ["mine"]],
  ]);
  expect(rowsOf(sections[0]?.fields ?? []).map((row) => row.length)).toEqual([2, 1]);
});

it("shows all keys of a type that nobody knows", () => {
  expect(sectionsOf(undefined, { a: 1, b: {} }).map(({ id, fields }) => [id, fields.length])).toEqual([["others", 2]]);
});

it("shows nothing of the map from which the steps of cases were taken", () => {
  const titles = (config: object): (string | null)[] => sectionsOf(SCHEMA, config as never, ["cases"]).map(({ title }) => title);
  expect(titles({ cases: {} })).not.toContain("Other keys");
  expect(titles({ cases: { template: "{{x}}" } })).toContain("Other keys");
});

it("counts a condition that a type needs among what is most important", () => {
  const [general] = sectionsOf({ ...SCHEMA, required: ["condition"] }, {});
  expect(general?.fields[0]?.path).toEqual(["condition"]);
});
