import type { Step } from "pipeloom-client";
import { describe, expect, it } from "vitest";
import { type Branch, outlineOf } from "./outline";

const step = (id: string, type = "claude", parent: string | null = null, slot = "steps", x = 0): Step =>
  ({ id, type, parent_step_id: parent, slot, position: { x, y: 0 } }) as Step;

const written = (branches: readonly Branch[]): unknown =>
  branches.map(({ step: { id }, lanes }) =>
    lanes === null ? id : { [id]: lanes.map(({ slot, isNamed, branches: inside }) => [isNamed ? slot : "", written(inside)]) },
  );

describe("outlineOf", () => {
  it("keeps the reading order, and puts what is inside below what holds it", () => {
    const outline = outlineOf([step("a"), step("loop", "for_loop"), step("z"), step("b", "claude", "loop"), step("c", "claude", "loop")]);
    expect(written(outline)).toEqual(["a", { loop: [["", ["b", "c"]]] }, "z"]);
  });

  it("names the lanes of a switch, from left to right as on the canvas", () => {
    const outline = outlineOf([
      step("route", "switch"), step("other", "claude", "route", "default", 600), step("low", "claude", "route", 'cases:"low"', 300),
      step("high", "claude", "route", 'cases:"high"', 20),
    ]);
    expect(written(outline)).toEqual([{ route: [['cases:"high"', ["high"]], ['cases:"low"', ["low"]], ["default", ["other"]]] }]);
  });

  it("counts at every depth, and shows containers that are empty", () => {
    const [outer] = outlineOf([step("outer", "for_loop"), step("inner", "while_loop", "outer"), step("deep", "claude", "inner")]);
    expect(outer?.count).toBe(2);
    expect(outlineOf([step("empty", "for_loop")])).toMatchObject([{ lanes: [], count: 0 }]);
  });
});
