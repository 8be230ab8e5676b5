import assert from "node:assert/strict";
import { test } from "node:test";
import * as Y from "yjs";
import * as library from "../src/index.js";
import { otherOf } from "../src/presence.js";
import { placed } from "../src/structure.js";

const { addStep, casesOf, indexesIn, moveStep, openPipeline, orderCases, patchConfig, rangeIn, remove, renameStep, undoOf, updateConfig } = library;
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

test("a value may have a member of any name", () => {
  const [mine, theirs] = two();
  const schema = { properties: { constructor: { constructor: "x", toString: 0 } }, list: [{ constructor: [1] }] };
  assert.ok(addStep(mine, { id: A, type: "claude", name: "a", config: { schema, tasks: [schema] } }).ok);
  assert.ok(addStep(mine, { id: B, type: "claude", name: "b" }).ok);
  const drawn = library.connect(mine, { from_step_id: A, to_step_id: B, path_data: schema.properties });
  assert.ok(drawn.ok && library.patchConnection(mine, drawn.id, { path_data: schema.list[0] as library.Json }).ok);
  assert.deepEqual(theirs.steps().get(A)?.config, { schema, tasks: [schema] });
  assert.deepEqual([...theirs.connections().values()].map((each) => each.path_data), schema.list);
  assert.ok(library.patchConfig(theirs, A, { schema: { properties: { constructor: { constructor: 2 } } } }).ok);
  assert.ok(library.patchSettings(theirs, { defaults: schema }).ok);
  assert.ok(library.duplicate(theirs, [A, B]).ok);
  assert.deepEqual(mine.steps().get(A)?.config["schema"], {
    ...schema,
    properties: { constructor: { constructor: 2, toString: 0 } },
  });
  assert.deepEqual(mine.settings().defaults, schema);
});

test("a list may be of any length", () => {
  const own = { name: "a", type: "bash", supported: true, slot: "steps", order: "a0", own: {} };
  const ids = Array.from({ length: 130_000 }, (_, at) => String(at).padStart(6, "0"));
  const entries = new Map(ids.map((id) => [id, { ...own, name: id, parent: id === ids[0] ? null : "000000" }]));
  assert.equal(placed(entries, new Map()).steps.size, ids.length);
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

test("a config is changed by a function, at any depth and by the smallest edits", () => {
  const [mine, theirs] = two();
  addStep(mine, { id: A, type: "claude", config: { prompt: [{ type: "static", content: "hello" }], extra: 1 } });
  const text = mine.text(A, ["prompt", 0, "content"]);
  const change = (config: library.JsonObject): library.JsonObject => {
    const [part] = config["prompt"] as library.JsonObject[];
    theirs.text(A, ["prompt", 0, "content"])?.insert(5, " you");
    return { ...config, prompt: [{ ...part, note: null }, { type: "file", path: "a" }], extra: null };
  };
  assert.equal(updateConfig(mine, A, change).ok, true);
  const prompt = [{ type: "static", content: "hello", note: null }, { type: "file", path: "a" }];
  assert.deepEqual(theirs.steps().get(A)?.config, { prompt, extra: null });
  assert.equal(mine.text(A, ["prompt", 0, "content"]), text);
  assert.equal(updateConfig(mine, B, (config) => config).ok, false);
  mine.readOnly = true;
  assert.equal(updateConfig(mine, A, () => ({})).ok, false);
});

test("a selection in a text stays where it was while others type, and is null elsewhere", () => {
  const [mine, theirs] = two();
  addStep(mine, { id: A, type: "claude", config: { description: "one two", prompt: "other" } });
  const [text, other] = [mine.text(A, ["description"])!, mine.text(A, ["prompt"])!];
  const range = rangeIn(text, 4, 7);
  theirs.text(A, ["description"])!.insert(0, "zero ");
  assert.deepEqual(indexesIn(text, range), { anchor: 9, head: 12 });
  assert.deepEqual(indexesIn(theirs.text(A, ["description"])!, range), { anchor: 9, head: 12 });
  assert.equal(indexesIn(other, range), null);
  for (const junk of [{}, { item: { client: "x", clock: -1 } }, { item: 7 }, { type: { client: 1, clock: 1 } }, { tname: [] }]) {
    assert.equal(indexesIn(text, { anchor: junk, head: junk } as library.TextRange), null);
  }
});

test("the field that another client is in is read, and nothing of it that is none", () => {
  const user = { id: "u", name: "Una", color: "#112233" };
  const field = { step: A, path: ["config", "prompt", 0], typing: true, range: { anchor: {}, head: {} } };
  assert.deepEqual(otherOf(1, { user, field })?.field, field);
  assert.deepEqual(otherOf(1, { user, field: { ...field, typing: 1, range: 7 } })?.field, { ...field, typing: false, range: null });
  for (const junk of [7, [], { ...field, step: "x" }, { ...field, path: "x" }, { ...field, path: [{}] }, { ...field, path: Array(50).fill(0) }]) {
    assert.equal(otherOf(1, { user, field: junk })?.field, null);
  }
});

test("what others see of the canvas is a rectangle, or nothing", () => {
  const seen = (viewport: unknown): unknown => otherOf(1, { user: {}, viewport })?.viewport;
  const whole = { x: -1, y: 2.5, width: 3, height: 4 };
  assert.deepEqual(seen({ ...whole, more: 1 }), whole);
  for (const junk of [7, [], {}, { x: 1, y: 1 }, { ...whole, width: 0 }, { ...whole, height: "4" }, { ...whole, x: 1e300 }]) {
    assert.equal(seen(junk), null);
  }
});

test("cases stand in the order that the document has, and others behind them by name", () => {
  const [mine, theirs] = two();
  addStep(mine, { id: A, type: "switch" });
  const slots = ['cases:"low"', "cases:true", 'cases:"true"', 'cases:"it\'s"'];
  for (const slot of slots) addStep(mine, { type: "claude", parent_step_id: A, slot });
  addStep(mine, { type: "claude", parent_step_id: A, slot: "default" });
  assert.deepEqual(casesOf(mine, A), ['cases:"it\'s"', 'cases:"low"', 'cases:"true"', "cases:true"]);
  // As the server writes keys: plain, quoted where a plain one would be another value.
  const keys = ["true", "'true'", "'it''s'", "gone"];
  (mine.roots.steps.get(A) as Y.Map<unknown>).set("source", { explicit: ["enabled"], keys: { "/cases": keys, "": ["name"] } });
  assert.deepEqual(casesOf(theirs, A), ["cases:true", 'cases:"true"', 'cases:"it\'s"', 'cases:"low"']);

  const undo = undoOf(mine, { captureTimeout: 0 });
  assert.equal(orderCases(mine, A, ['cases:"low"', "cases:true"]).ok, true);
  assert.deepEqual(casesOf(theirs, A), ['cases:"low"', "cases:true", 'cases:"true"', 'cases:"it\'s"']);
  assert.deepEqual((theirs.roots.steps.get(A) as Y.Map<unknown>).get("source"), {
    explicit: ["enabled"], keys: { "/cases": ['"low"', "true", "'true'", "'it''s'", "gone"], "": ["name"] },
  });
  undo.undo();
  assert.deepEqual(casesOf(theirs, A).at(-1), 'cases:"low"');
  assert.equal(orderCases(mine, B, []).ok, false);
});
