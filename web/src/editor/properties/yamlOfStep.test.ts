import { expect, it } from "vitest";
import { readStep, readValue, textOf } from "./yamlOfStep";

const STEP = { name: "review", type: "claude", enabled: true, config: { prompt: [{ type: "static", content: "one\ntwo\n" }], nothing: null, word: "yes", number: "12" } };

it.each([STEP, { ...STEP, enabled: false }, { ...STEP, config: { enabled: "{{inputs.on}}" } }])("reads what it writes: %j", (step) => {
  expect(readStep(textOf(step), ["steps"])).toEqual({ value: step });
});

it("says at which line a text is wrong", () => {
  const wrong = (text: string, slots: string[] = []) => readStep(text, slots).problems?.map(({ line, message }) => [line, message]);
  expect(wrong("name: a\ntype: claude\nx: [1\ny: 2\n")?.[0]?.[0]).toBeGreaterThan(2);
  expect(wrong("name: a\ntype: claude\nname: b\n")).toEqual([[3, "Map keys must be unique"]]);
  expect(wrong("type: claude\nname: ''\n")).toEqual([[2, "Expected a name: a text that is not empty"]]);
  expect(wrong("name: a\n")).toEqual([[1, "Expected a type: a text that is not empty"]]);
  expect(wrong("- a\n")?.[0]?.[0]).toBe(1);
  expect(wrong("name: a\ntype: switch\ncases:\n  high: []\n", ["cases", "default"])?.[0]?.[0]).toBe(3);
  expect(wrong("name: a\ntype: p\npipeline:\n  steps: []\n", ["pipeline.steps"])?.[0]?.[0]).toBe(3);
  expect(wrong("name: a\ntype: p\ndefault: word\n", ["default"])).toBeUndefined();
});

it("survives a text that multiplies itself", () => {
  const lines = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (let at = 1; at < 9; at++) lines.push(`${"abcdefghi"[at]}: &${"abcdefghi"[at]} [${Array(9).fill(`*${"abcdefghi"[at - 1]}`).join(", ")}]`);
  expect(readValue(lines.join("\n")).problems?.length).toBe(1);
});
