import type { JsonObject } from "pipeloom-client";
import type { ConnectionEdge, StepNode } from "pipeloom-client/react";
import { describe, expect, it } from "vitest";
import { ViewFlow } from "./viewFlow";

const node = (id: string, x: number, y: number, parent: string | null = null, type = "claude", config: JsonObject = {}): StepNode => {
  const position = { x, y };
  const step = { id, name: id, type, supported: true, enabled: true, order_index: 0, parent_step_id: parent, slot: "steps", position, size: { width: 1, height: 1 }, config };
  return { id, position, data: { step, label: id, isContainer: false }, selected: false, dragging: false, ...(parent === null ? {} : { parentId: parent }) };
};

const edge = (source: string, target: string): ConnectionEdge => {
  const id = `${source} to ${target}`;
  const connection = { id, from_step_id: source, to_step_id: target, from_output: "output", to_input: "input", path_data: null };
  return { id, source, target, data: { connection }, selected: false };
};

/** Steps in ten columns, each fed by the one above it, and a loop in a loop. */
function pipeline(count = 100): { nodes: StepNode[]; edges: ConnectionEdge[] } {
  const nodes = Array.from({ length: count }, (_, at) => node(`s${at}`, 280 * (at % 10), 100 * Math.floor(at / 10), null, "claude", at % 10 === 3 ? { condition: "a.b > 3" } : {}));
  const edges = nodes.slice(10).map(({ id }, at) => edge(`s${at}`, id));
  nodes.push(node("outer", 0, 1200, null, "for_loop"), node("inner", 20, 60, "outer", "for_loop"), node("a", 20, 60, "inner"), node("b", 20, 160, "inner"));
  return { nodes, edges: [...edges, edge("a", "b"), edge(`s${count - 1}`, "outer")] };
}

const moved = (nodes: readonly StepNode[], by: Readonly<Record<string, readonly [x: number, y: number]>>): StepNode[] =>
  nodes.map((each) => {
    const [x, y] = by[each.id] ?? [];
    return x === undefined || y === undefined ? each : { ...each, dragging: true, position: { x: each.position.x + x, y: each.position.y + y } };
  });

const others = <T extends { id: string }>(now: readonly T[], before: readonly T[]): string[] => now.flatMap((each, at) => (each === before[at] ? [] : [each.id]));

describe("a drag", () => {
  it("makes the dragged node and the edges beside it anew, and nothing else", () => {
    const [{ nodes, edges }, flow] = [pipeline(), new ViewFlow()];
    const before = flow.update(nodes, edges, {});
    const now = flow.update(moved(nodes, { s44: [4, 4] }), edges, {});
    expect(others(now.nodes, before.nodes)).toEqual(["s44"]);
    expect(others(now.edges, before.edges)).toEqual(["s34 to s44", "s44 to s54"]);
    expect(now.scene.boxes.get("s45")).toBe(before.scene.boxes.get("s45"));
  });

  it("makes nothing anew where nothing has moved", () => {
    const [{ nodes, edges }, flow] = [pipeline(), new ViewFlow()];
    const before = flow.update(nodes, edges, {});
    const now = flow.update([...nodes], edges, {});
    expect(others(now.nodes, before.nodes)).toEqual([]);
    expect([now.edges, now.scene]).toEqual([before.edges, before.scene]);
    expect(now.edges).toBe(before.edges);
    expect(now.scene).toBe(before.scene);
  });

  it("makes containers anew that grow with a step, and none beside them", () => {
    const [{ nodes, edges }, flow] = [pipeline(), new ViewFlow()];
    const before = flow.update(nodes, edges, {});
    const now = flow.update(moved(nodes, { b: [0, 40] }), edges, {});
    expect(others(now.nodes, before.nodes)).toEqual(["outer", "inner", "b"]);
  });

  it("leaves everything as if it were laid out anew", () => {
    const flow = new ViewFlow();
    let { nodes, edges } = pipeline(60);
    flow.update(nodes, edges, {});
    const moves = [{ s44: [300, 90] }, { s44: [-20, 33], s45: [7, 7] }, { b: [90, 130] }, { outer: [40, -20], a: [5, 5] }, { inner: [0, 60] }, { outer: [1, 1], inner: [-1, 2], b: [3, 3] }] as const;
    for (const each of moves) {
      nodes = moved(nodes, each);
      const [now, anew] = [flow.update(nodes, edges, {}), new ViewFlow().update(nodes, edges, {})];
      expect(now.scene).toEqual(anew.scene);
      expect(now.nodes).toEqual(anew.nodes);
      expect(now.edges).toEqual(anew.edges);
    }
  });
});

it("follows steps and connections that come and go", () => {
  const [{ nodes, edges }, flow] = [pipeline(), new ViewFlow()];
  const before = flow.update(nodes, edges, {});
  const fewer = flow.update(nodes.filter(({ id }) => id !== "s99"), edges.filter(({ source, target }) => source !== "s99" && target !== "s99"), {});
  expect(fewer.edges.map(({ id }) => id)).not.toContain("s89 to s99");
  const again = flow.update(nodes, edges, {});
  expect(again.edges.map(({ id }) => id)).toEqual(before.edges.map(({ id }) => id));
  const folded = flow.update(nodes, edges, { folded: new Set(["outer"]) });
  expect(folded.nodes.filter(({ hidden }) => hidden).map(({ id }) => id)).toEqual(["inner", "a", "b"]);
});
