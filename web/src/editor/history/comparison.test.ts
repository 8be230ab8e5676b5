import { expect, test } from "vitest";
import { compared, countsOf, type State, stateOf } from "./comparison";
import { below, fieldChanges, linesOf } from "./words";

const row = (id: string, parent: string | null, at: number) => ({
  id, name: id, type: "claude", declared_type: null, enabled: true, parent_step_id: parent, slot: "steps", order_index: at,
  position_x: 20, position_y: 40, width: 224, height: 56, config: {},
});

const state = (rows: ReturnType<typeof row>[]): State => stateOf({ steps: rows, connections: [] });

test("what was removed stands where it stood, parents before what is in them", () => {
  const before = state([row("inner", "loop", 0), row("loop", null, 1), row("first", null, 0)]);
  const after = state([row("first", null, 0)]);
  const removed = ["loop", "inner"].map((id) => ({ id, kind: "removed" as const, name: id, changes: [] }));
  const { nodes, changes } = compared(before, after, { settings: [], steps: removed, connections: [] });
  expect(nodes.map(({ id, parentId }) => [id, parentId])).toEqual([["first", undefined], ["loop", undefined], ["inner", "loop"]]);
  expect(nodes[2]?.position).toEqual({ x: 20, y: 40 });
  expect(countsOf(changes)).toEqual({ added: 0, changed: 0, removed: 2 });
});

test("a step whose container is in neither state stands alone", () => {
  const { nodes } = compared(state([]), state([row("left", "gone", 0)]), { settings: [], steps: [], connections: [] });
  expect(nodes.map(({ parentId }) => parentId)).toEqual([undefined]);
});

test("an unknown type is shown as it was declared", () => {
  expect(stateOf({ steps: [{ ...row("a", null, 0), type: "other", declared_type: "hologram" }], connections: [] }).steps[0]).toMatchObject({
    type: "hologram", supported: false,
  });
});

test("changes of one field are together, under a name that people read", () => {
  const change = (path: string) => ({ path, kind: "changed" as const, before: 1, after: 2 });
  const fields = fieldChanges([change("/config/prompt/0/content"), change("/name"), change("/config/prompt/1/content"), change("/order_index")]);
  expect(fields.map(({ title, changes }) => [title, changes.length])).toEqual([["Prompt", 2], ["Name", 1], ["Place in its list", 1]]);
  expect(below("/config/prompt/0/content")).toBe("1 › content");
});

test("texts are compared line by line", () => {
  expect(linesOf("one\ntwo\nthree", "one\n2\nthree")).toEqual([
    { kind: "same", text: "one" }, { kind: "removed", text: "two" }, { kind: "added", text: "2" }, { kind: "same", text: "three" },
  ]);
});
