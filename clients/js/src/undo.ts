/** Undo and redo of this client's own edits. */
import { UndoManager } from "yjs";
import type { Pipeline } from "./pipeline.js";

/**
 * Return a Yjs UndoManager for what the verbs on this pipeline do, and nobody else. A value that
 * somebody else has set since is left alone. Edits within `captureTimeout` ms become one step. For an
 * editor bound to a text of the pipeline, pass its origin (y-codemirror.next: the `YSyncConfig`).
 */
export function undoOf(
  pipeline: Pipeline,
  { captureTimeout = 500, origins = [] }: { captureTimeout?: number; origins?: readonly unknown[] } = {},
): UndoManager {
  return new UndoManager(Object.values(pipeline.roots), {
    captureTimeout,
    trackedOrigins: new Set([pipeline.origin, ...origins]),
    doc: pipeline.doc,
  });
}
