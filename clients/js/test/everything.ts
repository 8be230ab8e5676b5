/** Calls every function of the library on whatever a document holds. */
import * as library from "../src/index.js";

const JUNK = ["", "__proto__", "no uuid", "00000000-0000-4000-8000-999999999999"];

/** Try it on the newest `most` entries of each kind; return what was thrown: nothing, as the library promises. */
export function tryEverything(pipeline: library.Pipeline, most = 10): string[] {
  const thrown: string[] = [];
  const attempt = (name: string, call: () => unknown): void => {
    try {
      call();
    } catch (error) {
      thrown.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  };
  const roots = Object.values(pipeline.roots);
  const ids = [...new Set([...roots.flatMap((root) => [...root.keys()].slice(-most)), ...JUNK])];
  for (const [at, id] of ids.entries()) {
    const next = ids[at + 1] ?? "";
    for (const [name, call] of Object.entries(callsOn(pipeline, id, next))) attempt(`${name} ${id}`, call);
  }
  attempt("patchSettings", () => library.patchSettings(pipeline, { name: "Loom", config: { a: 1 }, tags: ["a"] }));
  attempt("paste of junk", () => library.paste(pipeline, { steps: [{ id: 1 }], connections: [null] }));
  const all = [...pipeline.steps().keys()];
  attempt("paste", () => library.paste(pipeline, library.copy(pipeline, all.slice(0, 30))));
  attempt("remove", () => library.remove(pipeline, ids.slice(0, 3)));
  return thrown;
}

function callsOn(pipeline: library.Pipeline, id: string, next: string): Record<string, () => unknown> {
  return {
    addStep: () => library.addStep(pipeline, { type: "bash", parent_step_id: id, before: next }),
    connect: () => library.connect(pipeline, { from_step_id: id, to_step_id: next }),
    copy: () => library.copy(pipeline, [id]),
    duplicate: () => library.duplicate(pipeline, [id]),
    moveStep: () => library.moveStep(pipeline, id, { x: 1, y: 2 }),
    patchConfig: () => library.patchConfig(pipeline, id, { prompt: "p", a: { b: [1] } }),
    patchConnection: () => library.patchConnection(pipeline, id, { to_step_id: next, path_data: { x: 1 } }),
    patchStep: () => library.patchStep(pipeline, id, { enabled: false, size: { width: 10, height: 10 } }),
    placeStep: () => library.placeStep(pipeline, id, { parent: next, slot: "else" }),
    placeBefore: () => library.placeStep(pipeline, id, { before: next }),
    renameStep: () => library.renameStep(pipeline, id, `renamed ${next}`),
    text: () => [["prompt"], ["prompt", 0, "content"], [""], []].map((path) => pipeline.text(id, path)),
    disconnect: () => next < id && library.disconnect(pipeline, id),
  };
}
