import type { Connection, Step } from "pipeloom-client";
import { expect, it } from "vitest";
import { refusalOf } from "./connectionRules";

const step = (id: string, parent: string | null = null, slot = "steps", type = "claude"): [string, Step] => [
  id, { id, name: id, type, parent_step_id: parent, slot } as unknown as Step,
];
const steps = new Map([
  step("a"), step("b"), step("c"),
  step("loop", null, "steps", "for_loop"), step("in", "loop"), step("in2", "loop"),
  step("s", null, "steps", "switch"), step("low", "s", 'cases:"low"'), step("high", "s", 'cases:"high"'),
  step("p", null, "steps", "pipeline"), step("own", "p", "pipeline.steps"),
]);
const wires = [["a", "b"], ["b", "c"], ["in", "in2"], ["loop", "s"]].map(([from, to]) => ({ from_step_id: from, to_step_id: to }) as Connection);

it.each([
  ["a", "c", null],
  ["a", "in", null],
  ["loop", "high", null],
  // From one round of a loop to the next.
  ["in2", "in", null],
  ["a", "a", "A step cannot feed itself"],
  ["a", "b", "a feeds b already"],
  ["c", "a", "Would make a cycle: a already feeds c"],
  ["s", "in", "Would make a cycle: loop already feeds s"],
  ["in", "c", "in is inside loop: connect that instead"],
  ["in", "loop", "in is inside loop"],
  ["loop", "in", "in is inside loop"],
  ["low", "high", "low is in another case than high"],
  ["a", "own", "own is in a pipeline of its own: pass values by the inputs of p"],
  ["gone", "a", "This step is gone"],
])("from %s to %s: %s", (from, to, refusal) => {
  expect(refusalOf(steps, wires, from, to)).toBe(refusal);
});
