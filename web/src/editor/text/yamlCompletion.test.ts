import type { JsonSchema, StepTypeInfo } from "pipeloom-client/rest";
import { expect, it } from "vitest";
import { type Knowledge, proposalsAt } from "./yamlCompletion";

const TEXT: JsonSchema = { type: "string" };
const PROMPT: JsonSchema = {
  type: "array",
  title: "Prompt",
  items: {
    oneOf: [
      { properties: { type: { const: "static" }, content: TEXT } },
      { properties: { type: { const: "previous_response" }, step: TEXT, extract: TEXT } },
    ],
  },
};

const type = (config: Readonly<Record<string, JsonSchema>>, slots: readonly { readonly name: string; readonly keyed?: boolean }[] = []): StepTypeInfo =>
  ({
    title: "A type",
    slots: slots.map((each) => ({ title: each.name, keyed: false, ...each })),
    schema: { properties: { config: { properties: config } } },
  }) as unknown as StepTypeInfo;

const KNOWN: Knowledge = {
  holds: "file",
  types: new Map([
    ["claude", type({ prompt: PROMPT, claude_options: { type: "object", properties: { output_format: { enum: ["text", "json"], default: "text" }, verbose: { type: "boolean" }, allowed_tools: { type: "array", items: { type: "string", examples: ["Read"] } } } }, condition: { anyOf: [TEXT, { type: "object" }] } })],
    ["for_loop", type({ data_source: { anyOf: [TEXT, { type: "array" }] } }, [{ name: "steps" }])],
    ["switch", type({ expression: TEXT }, [{ name: "cases", keyed: true }, { name: "default" }])],
    ["pipeline", type({}, [{ name: "pipeline.steps" }])],
  ]),
};

/** The proposals at the caret `|` of a text. */
function at(text: string, known = KNOWN): string {
  const caret = text.indexOf("|");
  return (proposalsAt(text.replace("|", ""), caret, known)?.proposals ?? []).map(({ label }) => label).join(" ");
}

const STEP = { ...KNOWN, holds: "step", steps: () => [{ name: "read", type: "claude" }, { name: "me", type: "bash" }] } as const;
const FILE = "workflow:\n  steps:\n    - name: one\n      type: claude\n";

it.each([
  ["w|", "workflow"],
  ["workflow:\n  d|", "name description tags defaults claude_auth gemini_auth steps"],
  [`${FILE}    - name: x\n      type: c|`, "claude for_loop switch pipeline"],
  [`${FILE}      p|`, "enabled prompt claude_options condition"],
  [`${FILE}      condition: |`, ""],
  [`${FILE}    - name: two\n      type: for_loop\n      data_source: |\n      steps:\n        - name: inner\n          type: claude`, "previous_response:one one previous_response:inner inner"],
  [`${FILE}    - name: s\n      type: switch\n      cases:\n        low:\n          - name: x\n            type: claude\n            claude_options:\n              output_format: |`, "text json"],
  [`${FILE}    - name: p\n      type: pipeline\n      pipeline:\n        steps:\n          - |`, "name type enabled"],
  [`${FILE}      prompt:\n        - t|`, "type"],
  [`${FILE}      prompt:\n        - type: |`, "static previous_response"],
  [`${FILE}      prompt:\n        - type: previous_response\n          |`, "step extract"],
  [`${FILE}    - name: two\n      type: claude\n      prompt:\n        - type: previous_response\n          step: |`, "one"],
  [`${FILE}      claude_options:\n        allowed_tools:\n          - |`, "Read"],
  [`${FILE}      claude_options:\n        verbose: |`, "true false"],
  [`${FILE}      mine:\n        - type: |`, ""],
])("proposes in %j: %s", (text, labels) => {
  expect(at(text)).toBe(labels);
});

it("proposes in a step what is in its sight", () => {
  expect(at("name: me\ntype: claude\nprompt:\n  - type: previous_response\n    step: |", STEP)).toBe("read");
  expect(at("name: me\ntype: switch\n|", STEP)).toBe("enabled expression cases default");
  expect(at("name: me\ntype: |", { ...STEP, types: undefined })).toBe("");
});
