/** Runs cases of the shared table against the library. */
import * as library from "../src/index.js";
import { built, contentOf } from "./documents.js";
import { rowsOf } from "./rows.js";

type Verb = (pipeline: library.Pipeline, given: any) => library.Outcome;

const VERBS: Record<string, Verb> = {
  addStep: library.addStep,
  connect: library.connect,
  patchSettings: library.patchSettings,
  patchStep: (pipeline, { id, ...changes }) => library.patchStep(pipeline, id, changes),
  moveStep: (pipeline, { id, position }) => library.moveStep(pipeline, id, position),
  placeStep: (pipeline, { id, ...target }) => library.placeStep(pipeline, id, target),
  renameStep: (pipeline, { id, name }) => library.renameStep(pipeline, id, name),
  patchConfig: (pipeline, { id, patch }) => library.patchConfig(pipeline, id, patch),
  patchConnection: (pipeline, { id, ...changes }) => library.patchConnection(pipeline, id, changes),
  disconnect: (pipeline, { id }) => library.disconnect(pipeline, id),
  remove: (pipeline, { ids }) => library.remove(pipeline, ids),
  duplicate: (pipeline, { ids }) => library.duplicate(pipeline, ids),
  paste: (pipeline, { clip, target }) => library.paste(pipeline, clip, target),
};

export interface Case {
  readonly name: string;
  readonly document: any;
  readonly calls: [string, any][];
  readonly ids?: string[];
}

/** Make the calls; return what came of them, in the shape of the table. */
export function outcome({ document, calls, ids = [] }: Case): any {
  const doc = built(document);
  const fresh = ids[Symbol.iterator]();
  const pipeline = library.openPipeline(doc, { newId: () => String(fresh.next().value) });
  const refused = calls.map(([verb, given]) => {
    const before = JSON.stringify(contentOf(doc));
    const result = VERBS[verb]?.(pipeline, given);
    if (result?.ok) return null;
    if (JSON.stringify(contentOf(doc)) !== before) throw new Error("a refusal has changed the document");
    return result?.refused.code;
  });
  const afresh = library.openPipeline(doc);
  const rows = rowsOf(afresh);
  const order = [...afresh.steps().keys()].join();
  if (JSON.stringify(rows) !== JSON.stringify(rowsOf(pipeline)) || order !== [...pipeline.steps().keys()].join()) {
    throw new Error("rows depend on how they came about");
  }
  return { refused, after: contentOf(doc), rows };
}
