import { describe, expect, it } from "vitest";
import { type Box, overlap } from "./measures";
import { labelPlace, pathOf, returnLabelPlace, routeBetween } from "./routing";

const node = (x: number, y: number): Box => ({ x, y, width: 224, height: 56 });
const points = (source: Box, target: Box, ...obstacles: readonly Box[]) => routeBetween(source, target, obstacles).points.map(({ x, y }) => [x, y]);

/** Whether a way runs into a box. */
const hits = (way: readonly (readonly number[])[], box: Box): boolean =>
  way.slice(1).some(([x = 0, y = 0], at) => {
    const [fromX = 0, fromY = 0] = way[at] ?? [];
    return overlap({ x: Math.min(x, fromX), y: Math.min(y, fromY), width: Math.abs(x - fromX), height: Math.abs(y - fromY) }, box);
  });

describe("a way", () => {
  it("is straight down to what stands below, and ends at its port", () => {
    expect(points(node(0, 0), node(0, 100))).toEqual([[112, 56], [112, 96]]);
  });

  it("bends in the middle of the gap, where all ways into one port do", () => {
    expect(points(node(0, 0), node(280, 100))).toEqual([[112, 56], [112, 78], [392, 78], [392, 96]]);
    expect(points(node(560, 0), node(280, 100)).slice(-2)).toEqual([[392, 78], [392, 96]]);
  });

  it("is straight across between steps at one height", () => {
    expect(routeBetween(node(0, 0), node(280, 0), [])).toMatchObject({
      points: [{ x: 224, y: 28 }, { x: 280, y: 28 }], isFromPort: false, isToPort: false,
    });
    expect(points(node(280, 0), node(0, 0))).toEqual([[280, 28], [224, 28]]);
  });

  it("goes around what stands between", () => {
    const between = node(0, 100);
    const way = points(node(0, 0), node(0, 200), between);
    expect(way).toHaveLength(6);
    expect(hits(way, between)).toBe(false);
  });

  it("stays inside of its container", () => {
    const inside = { x: -20, y: -60, width: 264, height: 340 };
    const { points: way } = routeBetween(node(0, 0), node(0, 200), [node(0, 100)], { inside });
    expect(way.map(({ x }) => x)).toEqual([112, 112, -8, -8, 112, 112]);
  });

  it("takes the free one of two columns", () => {
    expect(points(node(0, 0), node(280, 200), node(280, 100))).toEqual([[112, 56], [112, 178], [392, 178], [392, 196]]);
    expect(points(node(0, 0), node(280, 200), node(0, 100))).toEqual([[112, 56], [112, 78], [392, 78], [392, 196]]);
  });

  it("leads back up straight, or beside the steps where that way is taken", () => {
    expect(points(node(0, 100), node(0, 0))).toEqual([[112, 100], [112, 56]]);
    const route = routeBetween(node(0, 100), node(0, 0), [], { isTaken: true });
    expect(route.points).toEqual([{ x: 0, y: 128 }, { x: -12, y: 128 }, { x: -12, y: 28 }, { x: 0, y: 28 }]);
    expect(returnLabelPlace(route.points, 60, node(0, 0))).toEqual({ x: 10, y: 78 });
  });

  it("exists between boxes wherever they stand", () => {
    for (const [x, y] of [[0, 0], [10, 10], [100, 30], [-300, 20], [0, -60], [0, 60], [0, 1e6]] as const) {
      expect(routeBetween(node(0, 0), node(x, y), []).points.length).toBeGreaterThan(1);
    }
  });
});

it("draws corners that are no larger than the parts between them", () => {
  const path = pathOf([{ x: 0, y: 0 }, { x: 0, y: 10 }, { x: 100, y: 10 }, { x: 100, y: 50 }], 10);
  expect(path).toBe("M0 0L0 5Q0 10 5 10L90 10Q100 10 100 20L100 50");
});

describe("a label", () => {
  it("stands in the gap, and covers no step", () => {
    const [source, target] = [node(0, 0), node(0, 100)];
    expect(labelPlace(routeBetween(source, target, []).points, 90, 20, [source, target])).toEqual({ x: 112, y: 76 });
  });

  it("stands above a way that is too short for it", () => {
    const [source, target] = [node(0, 0), node(280, 0)];
    const { x, y } = labelPlace(routeBetween(source, target, []).points, 120, 20, [source, target]);
    expect([x, y]).toEqual([252, -14]);
  });
});
