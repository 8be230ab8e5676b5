import assert from "node:assert/strict";
import { test } from "node:test";
import * as Y from "yjs";
import { addStep, connect, moveStep, openPipeline, type Other, type Presence, remove, type Room, undoOf } from "../src/index.js";
import { otherOf } from "../src/presence.js";
import { FlowStore } from "../src/react/flow.js";

const [A, B, C] = ["a", "b", "c"].map((each) => `00000000-0000-0000-0000-00000000000${each}`) as [string, string, string];

/** A store of two steps and their connection, beside others that show what they are given here. */
function made() {
  const pipeline = openPipeline(new Y.Doc());
  let others: readonly Other[] = [];
  let listener = (): void => undefined;
  const shown: Presence[] = [];
  const room = {
    pipeline,
    others: () => others,
    subscribe: (each: () => void) => ((listener = each), () => undefined),
    setPresence: (presence: Presence) => shown.push(presence),
  };
  addStep(pipeline, { id: A, type: "claude" });
  addStep(pipeline, { id: B, type: "claude" });
  connect(pipeline, { id: C, from_step_id: A, to_step_id: B });
  const store = new FlowStore(room as unknown as Room);
  let calls = 0;
  store.subscribe(() => (calls += 1));
  const show = (...states: readonly Presence[]): void => {
    others = states.flatMap((state, at) => otherOf(at, { user: {}, ...state }) ?? []);
    listener();
  };
  return { pipeline, store, show, shown, calls: () => calls };
}

test("cursors and selections of others leave the nodes alone", () => {
  const { store, show, calls } = made();
  const before = store.get();
  show({ cursor: { x: 1, y: 2 }, selection: [A] }, { cursor: null, viewport: { x: 0, y: 0, width: 9, height: 9 } });
  show({ cursor: { x: 2, y: 2 }, selection: [B] });
  assert.equal(store.get(), before);
  assert.equal(calls(), 0);
});

test("a drag by others moves its node and no other, and ends where the step is", () => {
  const { store, show, calls } = made();
  const [a, b] = store.get().nodes;
  show({ dragging: { [B]: { x: 5, y: 6 } } });
  assert.deepEqual(store.get().nodes[1]?.position, { x: 5, y: 6 });
  assert.equal(store.get().nodes[0], a);
  show({ dragging: { [B]: { x: 5, y: 6 } }, cursor: { x: 1, y: 1 } });
  assert.equal(calls(), 1);
  show();
  assert.deepEqual(store.get().nodes[1]?.position, b?.position);
  // A step that is not there is dragged by nobody.
  show({ dragging: { [C.replace("c", "d")]: { x: 1, y: 1 } } });
  assert.equal(calls(), 2);
});

test("a drag of one's own is shown, wins, and is written when it ends", () => {
  const { store, pipeline, show, shown } = made();
  show({ dragging: { [A]: { x: 9, y: 9 } } });
  store.onNodesChange([{ type: "position", id: A, position: { x: 1, y: 1 }, dragging: true }]);
  assert.deepEqual(store.get().nodes[0]?.position, { x: 1, y: 1 });
  assert.deepEqual(shown.at(-1), { dragging: { [A]: { x: 1, y: 1 } } });
  assert.deepEqual(pipeline.steps().get(A)?.position, { x: 0, y: 0 });
  store.onNodesChange([{ type: "position", id: A, dragging: false }]);
  assert.deepEqual(pipeline.steps().get(A)?.position, { x: 1, y: 1 });
  assert.deepEqual(shown.at(-1), { dragging: null });
});

test("a drag that ends where its step is writes nothing, so there is nothing to undo", () => {
  const { store, pipeline, shown } = made();
  const undo = undoOf(pipeline);
  store.onNodesChange([{ type: "position", id: A, position: { x: 1, y: 1 }, dragging: true }]);
  store.onNodesChange([{ type: "position", id: A, position: { x: 0, y: 0 }, dragging: false }]);
  assert.deepEqual(store.get().nodes[0]?.position, { x: 0, y: 0 });
  assert.deepEqual(shown.at(-1), { dragging: null });
  assert.equal(undo.canUndo(), false);
});

test("selecting keeps all other nodes, and shows no more than others can use", () => {
  const { store, pipeline, shown } = made();
  const [a] = store.get().nodes;
  store.select([B, C]);
  assert.equal(store.get().nodes[0], a);
  assert.equal(store.get().edges[0]?.selected, true);
  assert.deepEqual([store.selection(), shown.at(-1)], [[B], { selection: [B] }]);
  for (let count = 0; count < 300; count++) addStep(pipeline, { type: "claude" });
  store.select([...pipeline.steps().keys()]);
  assert.equal(store.selection().length, 302);
  assert.equal(shown.at(-1)?.selection?.length, 200);
});

test("a selected step that is deleted is selected no more, also when it is brought back", () => {
  const { store, pipeline, shown } = made();
  const undo = undoOf(pipeline, { captureTimeout: 0 });
  store.select([A, B]);
  remove(pipeline, [B]);
  assert.deepEqual([store.selection(), shown.at(-1)], [[A], { selection: [A] }]);
  undo.undo();
  assert.equal(store.get().nodes.length, 2);
  assert.deepEqual([store.selection(), shown.at(-1)], [[A], { selection: [A] }]);
});

test("nothing is kept of steps that are gone", () => {
  const { store, pipeline } = made();
  for (let count = 0; count < 50; count++) {
    const added = addStep(pipeline, { type: "claude" });
    if (!added.ok) throw new Error(added.refused.message);
    store.select([added.id]);
    moveStep(pipeline, added.id, { x: count, y: 0 });
    remove(pipeline, [added.id]);
  }
  assert.equal(store.get().nodes.length, 2);
  assert.deepEqual(store.selection(), []);
  const { nodes, locals } = store as unknown as Record<"nodes" | "locals", Map<string, unknown>>;
  assert(nodes.size <= 3 && locals.size <= 3, `${nodes.size} nodes and ${locals.size} states are kept`);
});
