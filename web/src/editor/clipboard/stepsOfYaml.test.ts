import { expect, it } from "vitest";
import { MOST_YAML, stepsOfYaml } from "./stepsOfYaml";

let count = 0;
const read = (text: string) => stepsOfYaml(text, () => `id ${++count}`);

function stepsOf(text: string) {
  const found = read(text);
  if ("refusal" in found) throw new Error(found.refusal);
  return found.copied;
}

it.each([
  ["a pipeline", "workflow:\n  name: p\n  steps:\n    - {name: a, type: claude}\n"],
  ["a bare pipeline", "name: p\nsteps:\n  - {name: a, type: claude}\n"],
  ["a list", "- {name: a, type: claude}\n"],
  ["one step", "name: a\ntype: claude\nmodel: fast\n"],
])("reads %s", (_, text) => {
  expect(stepsOf(text).steps.map(({ name, type }) => [name, type])).toEqual([["a", "claude"]]);
});

it("reads the lists inside of steps into their slots, and connects what a prompt reads", () => {
  const { steps, connections } = stepsOf(`
- {name: a, type: claude, enabled: false}
- name: route
  type: switch
  expression: x
  cases:
    high: [{name: b, type: gemini}, {name: c, type: gemini, prompt: [{type: previous_response, step: b}]}]
    true: [{name: d, type: claude}]
    low: no list
  default: [{name: e, type: claude}]
`);
  const named = new Map(steps.map((step) => [step["name"], step]));
  expect(steps.map(({ name, slot }) => [name, slot])).toEqual([
    ["a", "steps"], ["route", "steps"], ["b", 'cases:"high"'], ["c", 'cases:"high"'], ["d", "cases:true"], ["e", "default"],
  ]);
  expect(named.get("route")?.["config"]).toEqual({ expression: "x", cases: { low: "no list" } });
  expect(named.get("a")?.["enabled"]).toBe(false);
  expect(connections.map(({ from_step_id, to_step_id }) => [from_step_id, to_step_id])).toEqual([[named.get("b")?.id, named.get("c")?.id]]);
  // Lanes stand beside each other, what follows below.
  expect(named.get("b")?.position).toEqual({ x: 20, y: 80 });
  expect(named.get("d")?.["position"]).toEqual({ x: 300, y: 80 });
  expect(named.get("c")?.position.y).toBeGreaterThan(80 + 56);
  expect(named.get("route")?.position).toEqual({ x: 0, y: 100 });
});

it.each([
  ["words", "Dear all, see you tomorrow", "got a string"],
  ["a map without steps", "a: 1", "a map with the keys a"],
  ["what is no YAML", "a: [1", "line 1"],
  ["a step without a type", "- {name: a}", "step 1 of a list has no name and type"],
  ["an alias that grows", `a: &a [x, x]\n${"bcdefghijk".split("").map((key, at) => `${key}: &${key} [${Array(9).fill(`*${"abcdefghij"[at]}`).join(", ")}]`).join("\n")}\nsteps: *k`, "neither"],
  ["brackets without end", "[".repeat(100_000), "neither"],
  ["too long a text", "- {name: a, type: claude}\n".repeat(MOST_YAML / 20), "at most"],
])("refuses %s, with the reason", (_, text, reason) => {
  const found = read(text);
  expect("refusal" in found ? found.refusal : found).toContain(reason);
});
