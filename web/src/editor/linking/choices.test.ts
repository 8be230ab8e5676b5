import type { Connection, Step } from "pipeloom-client";
import { expect, it } from "vitest";
import { choicesFor } from "./choices";

const step = (id: string, parent: string | null = null, type = "claude") =>
  [id, { id, name: id, type, parent_step_id: parent, slot: "steps" } as Step] as const;

const STEPS = new Map([step("read"), step("loop", null, "for_loop"), step("note", "loop", "gemini"), step("sum")]);
const WIRES = [{ id: "1", from_step_id: "read", to_step_id: "sum" } as Connection];

it("puts those first that can be chosen, and says of the others why not", () => {
  const choices = choicesFor(STEPS, WIRES, "read", "");
  expect(choices.map(({ step: { name }, refusal }) => [name, refusal])).toEqual([
    ["loop", null], ["note", null], ["sum", "read feeds sum already"],
  ]);
  expect(choices[1]?.around).toBe("loop");
});

it("finds by words of the name and the type", () => {
  expect(choicesFor(STEPS, WIRES, "sum", "ead cla").map(({ step: { name } }) => name)).toEqual(["read"]);
  expect(choicesFor(STEPS, WIRES, "sum", "nothing")).toEqual([]);
});
