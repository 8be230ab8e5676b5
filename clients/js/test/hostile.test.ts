import assert from "node:assert/strict";
import { test } from "node:test";
import * as Y from "yjs";
import { openPipeline, undoOf } from "../src/index.js";
import { tryEverything } from "./everything.js";
import { misuseRoots, SHAPE_COUNT, vandalise } from "./vandal.js";

// Whoever runs this may name some shapes: all take a quarter of what all these tests take.
const named = process.env["PIPELOOM_TEST_SHAPES"]?.split(",").map(Number);

for (const shape of named ?? Array(SHAPE_COUNT).keys()) {
  test(`whatever a document holds, no function of the library throws: shape ${shape}`, () => {
    const [theirs, mine] = [new Y.Doc(), new Y.Doc()];
    const pipeline = openPipeline(mine);
    const undo = undoOf(pipeline, { captureTimeout: 0 });
    const pass = (): void => Y.applyUpdate(mine, Y.encodeStateAsUpdate(theirs, Y.encodeStateVector(mine)), "them");
    vandalise(theirs, shape);
    pass();
    assert.deepEqual(tryEverything(pipeline), []);
    misuseRoots(theirs);
    pass();
    while (undo.canUndo()) undo.undo();
    assert.deepEqual(tryEverything(pipeline), []);
    assert.ok(pipeline.steps().size > 0);
  });
}
