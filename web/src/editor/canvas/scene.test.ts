import { describe, expect, it } from "vitest";
import { hasRoom, type Item, laneAt, nextIn, sceneOf } from "./scene";

const step = (id: string, x: number, y: number, parent: string | null = null, slot = "steps", type = "claude"): Item => ({
  id, type, parent, slot, position: { x, y },
});

describe("containers", () => {
  it("grow around their steps, and are as large as one without any", () => {
    const { frames, boxes } = sceneOf([
      step("loop", 100, 200, null, "steps", "for_loop"), step("a", 20, 60, "loop"), step("b", 20, 160, "loop"),
      step("none", 0, 0, null, "steps", "while_loop"),
    ]);
    expect(boxes.get("loop")).toEqual({ x: 100, y: 200, width: 264, height: 236 });
    expect(boxes.get("b")).toEqual({ x: 120, y: 360, width: 224, height: 56 });
    expect(frames.get("none")).toMatchObject({ width: 264, height: 136, isSplit: false, count: 0 });
  });

  it("grow with what is nested in them", () => {
    const { frames } = sceneOf([
      step("outer", 0, 0, null, "steps", "for_loop"), step("inner", 20, 60, "outer", "steps", "for_loop"), step("a", 20, 160, "inner"),
    ]);
    expect(frames.get("inner")).toMatchObject({ width: 264, height: 236 });
    expect(frames.get("outer")).toMatchObject({ width: 304, height: 316 });
  });

  it("hide what is in them while they are folded", () => {
    const { boxes, hidden } = sceneOf(
      [step("outer", 0, 0, null, "steps", "for_loop"), step("inner", 20, 60, "outer", "steps", "for_loop"), step("a", 20, 60, "inner")],
      { folded: new Set(["outer"]) },
    );
    expect(boxes.get("outer")).toMatchObject({ width: 304, height: 40 });
    expect([...hidden]).toEqual([["inner", "outer"], ["a", "outer"]]);
  });

  it("keep their size during a drag, and the place of what is dragged out of them", () => {
    const [loop, a, b] = [step("loop", 0, 0, null, "steps", "for_loop"), step("a", 20, 60, "loop"), step("b", 900, 900, "loop")];
    const floating = new Map([["b", { x: 20, y: 160 }]]);
    const { frames } = sceneOf([loop, a, b], { floating, least: new Map([["loop", { width: 300, height: 200 }]]) });
    expect(frames.get("loop")).toMatchObject({ width: 300, height: 236 });
  });

  it("are the same objects while nothing of them has changed", () => {
    const items = [step("loop", 0, 0, null, "steps", "for_loop"), step("a", 20, 60, "loop")];
    const former = sceneOf(items);
    const now = sceneOf([...items, step("c", 400, 0)], { former });
    expect(now.frames.get("loop")).toBe(former.frames.get("loop"));
    expect(now.boxes.get("a")).toBe(former.boxes.get("a"));
  });
});

describe("lanes", () => {
  const items = [
    step("s", 0, 0, null, "steps", "switch"),
    step("c", 580, 80, "s", "default"), step("a", 20, 80, "s", 'cases:"high"'), step("b", 20, 180, "s", 'cases:"high"'), step("d", 300, 80, "s", 'cases:"low"'),
  ];
  const frame = sceneOf(items).frames.get("s");

  it("stand where their steps do, with borders in the middle of the gaps", () => {
    expect(frame).toMatchObject({ width: 824, height: 256, top: 80, isSplit: true, count: 4 });
    expect(frame?.lanes.map(({ slot, left, right }) => [slot, left, right])).toEqual([
      ['cases:"high"', 0, 272], ['cases:"low"', 272, 552], ["default", 552, 824],
    ]);
  });

  it("have room where others are longer", () => {
    expect(frame?.lanes.map((lane) => hasRoom(frame, lane))).toEqual([false, true, true]);
    expect(frame && laneAt(frame, 300)?.slot).toBe('cases:"low"');
    expect(frame && nextIn(frame, frame.lanes[1] as never)).toEqual({ x: 300, y: 180 });
  });

  it("stand behind the others while they are empty", () => {
    const { frames } = sceneOf(items.slice(0, 1), { waiting: new Map([["s", [{ slot: 'cases:"x"', x: null }]]]) });
    expect(frames.get("s")?.lanes.map(({ slot, x }) => [slot, x])).toEqual([['cases:"x"', 20], ["default", 300]]);
  });

  it("separate what to do after an error from the body", () => {
    const { frames } = sceneOf([step("loop", 0, 0, null, "steps", "for_loop"), step("a", 20, 80, "loop"), step("b", 300, 80, "loop", "error_handler")]);
    expect(frames.get("loop")).toMatchObject({ isSplit: true, width: 544 });
  });
});
