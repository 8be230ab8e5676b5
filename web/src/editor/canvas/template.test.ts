import { expect, it } from "vitest";
import { stepsOf } from "./template";

const step = (id: string, order: string, config: object) => ({ id, slot: "steps", order, config });

it("has the steps in their order, with the values of the variables", () => {
  const template = {
    default_values: { topic: "looms", most: 7 },
    pipeline_config: {
      steps: [
        step("b", "a1", { text: "About {{template.topic}}, at most {{ template.most }}", rest: "{{template.none}} {{steps.a}}" }),
        step("a", "a0", { max_turns: "{{template.most}}", constructor: "{{template.constructor}}" }),
      ],
    },
  };
  expect(stepsOf(template as never)).toEqual({
    steps: [
      step("a", "a0", { max_turns: 7, constructor: "{{template.constructor}}" }),
      step("b", "a1", { text: "About looms, at most 7", rest: "{{template.none}} {{steps.a}}" }),
    ],
    connections: [],
  });
});
