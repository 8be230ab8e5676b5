import type { Step } from "pipeloom-client";
import { expect, it } from "vitest";
import { referencesIn, stepsInSight } from "./inSight";

const step = (id: string, type = "claude", parent: string | null = null, slot = "steps", config = {}): [string, Step] => [
  id,
  { id, name: id, type, supported: true, enabled: true, order_index: 0, parent_step_id: parent, slot, position: { x: 0, y: 0 }, size: { width: 1, height: 1 }, config },
];

const STEPS = new Map([
  step("vars", "set_variable", null, "steps", { variables: { round: 1 } }),
  step("loop", "for_loop", null, "steps", { iterator: "file" }),
  step("inner", "claude", "loop"),
  step("beside", "claude", "loop"),
  step("sub", "pipeline"),
  step("apart", "claude", "sub", "pipeline.steps"),
  step("alone", "claude", "sub", "pipeline.steps"),
]);

const names = (id: string): string[] => stepsInSight(STEPS, id).map(({ name }) => name);

it("sees its own list and those around it, up to an inline pipeline, and not what it stands in", () => {
  expect(names("inner")).toEqual(["vars", "beside", "sub"]);
  expect(names("vars")).toEqual(["loop", "sub"]);
  expect(names("apart")).toEqual(["alone"]);
  expect(names("nobody")).toEqual([]);
});

it("offers loops, results and variables", () => {
  expect(referencesIn(STEPS, "inner").map(({ text }) => text)).toEqual([
    "loop.file", "loop.index", "steps.vars.result", "steps.beside.result", "steps.sub.result", "variables.round",
  ]);
});
