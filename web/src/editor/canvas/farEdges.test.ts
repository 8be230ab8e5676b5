import { expect, it } from "vitest";
import { FarEdges, headOf, MANY } from "./farEdges";
import type { CanvasEdge } from "./viewFlow";

const route = (x: number) => ({ points: [{ x, y: 0 }, { x, y: 50 }], isFromPort: true, isToPort: true, bounds: { x, y: 0, width: 0, height: 50 } });

const edge = (at: number, isActive = false, kind = "data"): CanvasEdge =>
  ({ id: `e${at}`, source: "a", target: "b", data: { route: route(at), kind, isActive, connections: [], label: null, around: [], target: {} } }) as unknown as CanvasEdge;

const edges = Array.from({ length: MANY }, (_, at) => edge(at));

it("leaves edges that are near, and few, to React Flow", () => {
  expect(new FarEdges().shown(edges, false)).toEqual({ edges, strands: [] });
  expect(new FarEdges().shown(edges.slice(1), true).strands).toEqual([]);
});

it("draws many together from far away, but those of the selection", () => {
  const far = new FarEdges();
  const before = far.shown(edges, true);
  expect(before.edges).toEqual([]);
  expect(before.strands.map(({ key }) => key)).toEqual(["data 0", "data 1", "data 2", "data 3", "data 4"]);
  expect(before.strands[0]?.lines.startsWith("M0 0L0 50M1 0L1 50")).toBe(true);
  const chosen = far.shown(edges.map((each, at) => (at === 41 ? edge(41, true) : each)), true);
  expect(chosen.edges.map(({ id }) => id)).toEqual(["e41"]);
  expect(chosen.strands.map((each, at) => each === before.strands[at])).toEqual([true, false, true, true, true]);
});

it("keeps all lines but those around one that is found anew", () => {
  const far = new FarEdges();
  const before = far.shown(edges, true);
  const now = far.shown(edges.map((each, at) => (at === 199 ? edge(500) : each)), true);
  expect(now.strands.filter((each, at) => each !== before.strands[at]).map(({ key }) => key)).toEqual(["data 4"]);
  expect(now.edges).toBe(before.edges);
});

it("ends in the direction of the way", () => {
  expect(headOf(route(0))).toBe("M0 50L4 41L-4 41z");
  expect(headOf({ ...route(0), points: [{ x: 0, y: 0 }, { x: 20, y: 0 }] })).toBe("M20 0L11 4L11 -4z");
});
