import assert from "node:assert/strict";
import { test } from "node:test";
import * as Y from "yjs";
import * as library from "../src/index.js";

const { addStep, moveStep, openPipeline, patchConfig, remove, renameStep, undoOf } = library;
const A = "00000000-0000-0000-0000-00000000000a";
const B = "00000000-0000-0000-0000-00000000000b";

/** Two replicas of one document, each of which has the other's edits at once. */
function two(): [library.Pipeline, library.Pipeline] {
  const [one, other] = [new Y.Doc(), new Y.Doc()];
  one.on("update", (update, origin) => origin !== other && Y.applyUpdate(other, update, one));
  other.on("update", (update, origin) => origin !== one && Y.applyUpdate(one, update, other));
  return [openPipeline(one), openPipeline(other)];
}

test("undo takes back what this page did, and leaves alone what others have done since", () => {
  const [mine, theirs] = two();
  const undo = undoOf(mine, { captureTimeout: 0 });
  addStep(mine, { id: A, type: "claude", name: "a", config: { prompt: "hello" } });
  addStep(theirs, { id: B, type: "claude", name: "b" });
  mine.doc.transact(() => {
    moveStep(mine, A, { x: 1, y: 1 });
    patchConfig(mine, A, { model: "m" });
  }, mine.origin);
  moveStep(theirs, A, { x: 2, y: 2 });
  undo.undo();
  assert.deepEqual(mine.steps().get(A)?.position, { x: 2, y: 2 });
  assert.deepEqual(theirs.steps().get(A)?.config, { prompt: "hello" });
  undo.undo();
  assert.deepEqual([...theirs.steps().keys()], [B]);
  assert.equal(undo.canUndo(), false);
  undo.redo();
  assert.equal(theirs.steps().get(A)?.name, "a");
});

test("what has not changed stays the same object, and listeners learn what has", () => {
  const [mine, theirs] = two();
  addStep(mine, { id: A, type: "claude" });
  addStep(mine, { id: B, type: "claude" });
  const [former, order] = [theirs.steps().get(A), [...theirs.steps().keys()]];
  const changes: library.Change[] = [];
  const stop = theirs.subscribe((change) => changes.push(change));
  patchConfig(mine, B, { model: "m" });
  assert.deepEqual(changes, [{ steps: new Set([B]), connections: new Set(), settings: false, diagnostics: false }]);
  assert.equal(theirs.steps().get(A), former);
  assert.deepEqual([...theirs.steps().keys()], order);
  stop();
  remove(mine, [A, "not there any more"]);
  assert.equal(changes.length, 1);
});

test("a verb is one transaction, and one that changes nothing is none", () => {
  const [mine] = two();
  let updates = 0;
  mine.doc.on("update", () => (updates += 1));
  addStep(mine, { id: A, type: "claude", config: { prompt: "p", tasks: [{ prompt: "q" }] } });
  renameStep(mine, A, "new");
  assert.equal(updates, 2);
  renameStep(mine, A, "new");
  moveStep(mine, A, { x: 0, y: 0 });
  assert.equal(updates, 2);
});

test("a listener that throws keeps neither others from the change nor the edit from being made", (context) => {
  const [mine] = two();
  const reported = context.mock.method(globalThis, "queueMicrotask", () => undefined);
  let heard = 0;
  mine.subscribe(() => {
    throw new Error("a page's own fault");
  });
  mine.subscribe(() => (heard += 1));
  assert.equal(addStep(mine, { type: "claude" }).ok, true);
  assert.equal(heard, 1);
  assert.throws(() => reported.mock.calls[0]?.arguments[0]?.(), /a page's own fault/);
});

test("what the server has found is shown, and no more of it than is well-formed", () => {
  const [mine, theirs] = two();
  const found = theirs.doc.getMap("diagnostics");
  const good = { code: "missing_field", subject: `step:${A}`, severity: "error", message: "m", path: "/config", suggestion: "s" };
  for (const [at, value] of [null, 7, [], {}, { code: 1 }, new Y.Text("x"), good].entries()) found.set(String(at), value);
  assert.deepEqual(mine.diagnostics().filter(({ code }) => code === "missing_field"), [good]);
});

test("every diagnostic can be explained, also one of a code that is not known yet", () => {
  const [mine] = two();
  // Nobody has given the pipeline a name.
  const [found] = mine.diagnostics().map(library.explained);
  assert.deepEqual([found?.code, found?.subject, found?.severity], ["missing_name", "pipeline", "warning"]);
  assert.match(found?.message ?? "", /name is missing/);
  assert.match(found?.suggestion ?? "", /^Give /);
  const new_ = { code: "new_fault", subject: "pipeline", severity: "error", path: "" } as const;
  assert.deepEqual(library.explained(new_), { ...new_, message: "new_fault", suggestion: "" });
  const server = { ...new_, code: "missing_name", message: "m", suggestion: "s" };
  assert.deepEqual(library.explained(server), server);
});

test("calls that make no sense are refused and not thrown", () => {
  const [mine] = two();
  const verbs: Record<string, unknown> = library;
  for (const name of ["addStep", "patchStep", "moveStep", "moveSteps", "placeStep", "renameStep", "patchConfig", "connect", "patchConnection", "paste"]) {
    for (const junk of [{}, { constructor: 1 }, 7, "x", [], { config: () => 1 }, { position: { x: NaN, y: 0 } }]) {
      const outcome = (verbs[name] as any)(mine, junk, junk);
      assert.equal(typeof outcome.ok, "boolean", name);
    }
  }
  assert.equal(mine.steps().size, 0);
});

test("a text can be bound to an editor, and is null where there is none", () => {
  const [mine, theirs] = two();
  addStep(mine, { id: A, type: "claude", config: { prompt: [{ type: "static", content: "hello" }] } });
  theirs.text(A, ["prompt", 0, "content"])?.insert(5, " you");
  assert.equal(String(mine.text(A, ["prompt", 0, "content"])), "hello you");
  for (const path of [[], ["prompt"], ["prompt", 9], ["x", "y"], ["prompt", 0, "type"]]) {
    assert.equal(mine.text(A, path), null);
  }
});
