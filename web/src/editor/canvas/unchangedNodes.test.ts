import type { JsonObject } from "pipeloom-client";
import type { StepNode } from "pipeloom-client/react";
import { expect, it } from "vitest";
import { UnchangedNodes } from "./unchangedNodes";

const node = (id: string, config: JsonObject, more: Partial<StepNode> = {}): StepNode => {
  const step = { id, name: id, type: "claude", supported: true, enabled: true, order_index: 0, parent_step_id: null, slot: "steps", position: { x: 0, y: 0 }, size: { width: 1, height: 1 }, config };
  return { id, position: step.position, data: { step, label: id, isContainer: false }, selected: false, ...more };
};

it("keeps nodes while only texts change, and no longer", () => {
  const nodes = new UnchangedNodes();
  const other = node("b", {});
  const first = nodes.keep([node("a", { prompt: [{ type: "static", content: "x" }] }), other]);
  expect(nodes.keep([node("a", { prompt: [{ type: "static", content: "xy" }] }), other])).toBe(first);
  const longer = nodes.keep([node("a", { prompt: [{ type: "static", content: "xy" }, { type: "file" }] }), other]);
  expect(longer).not.toBe(first);
  expect(longer[1]).toBe(other);
  expect(nodes.keep([node("a", { model: "m" }), other])).not.toBe(longer);
  const here = nodes.keep([node("a", { model: "m" }, { selected: true }), other]);
  expect(here[0]?.selected).toBe(true);
  expect(nodes.keep([other])).toEqual([other]);
});
