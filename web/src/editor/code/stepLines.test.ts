import type { Step } from "pipeloom-client";
import { expect, it } from "vitest";
import { linesOfSteps, stepAt } from "./stepLines";

const TEXT = `workflow:
  name: shown
  steps:
    - name: first
      type: claude
      prompt:
        - type: static
          content: |
            - name: second
              type: not a step

            name: third
      tasks:
        - name: no step
    - type: switch
      name: "by: kind"
      cases:
        high:
          - name: inner
            type: claude
        "true":
          - name: inner
            type: claude
            note: last
      default:
        - name: other
    - name: sub
      type: pipeline
      pipeline:
        name: of the pipeline
        steps:
          - name: first
            type: claude
`;

let made = 0;
const step = (id: string, name: string, parent: string | null = null, slot = "steps"): [string, Step] => [
  id,
  { id, name, type: "x", supported: true, enabled: true, order_index: made++, parent_step_id: parent, slot, position: { x: 0, y: 0 }, size: { width: 1, height: 1 }, config: {} },
];

const STEPS = new Map([
  step("a", "first"),
  step("b", "by: kind"),
  step("b1", "inner", "b", 'cases:"high"'),
  step("b2", "inner", "b", "cases:true"),
  step("b3", "other", "b", "default"),
  step("c", "sub"),
  step("c1", "first", "c", "pipeline.steps"),
]);

it("finds each step by its slots and names, and nothing in texts", () => {
  const lines = linesOfSteps(TEXT, STEPS);
  expect(lines.map(({ id, from, to }) => [id, from, to])).toEqual([
    ["a", 4, 14], ["b", 15, 26], ["b1", 19, 20], ["b2", 22, 24], ["b3", 26, 26], ["c", 27, 33], ["c1", 32, 33],
  ]);
  expect(stepAt(lines, 23)?.id).toBe("b2");
  expect(stepAt(lines, 17)?.id).toBe("b");
  expect(stepAt(lines, 1)).toBeUndefined();
});

it("takes a long text without going back over it", () => {
  const line = `      ${"a:".repeat(20_000)}`;
  const began = performance.now();
  linesOfSteps(`${line}\n`.repeat(20), STEPS);
  expect(performance.now() - began).toBeLessThan(500);
});
