/** A room that obeys: commands by name, the same for processes (`process.ts`) and pages (`page.tsx`). */
import * as Y from "yjs";
import * as library from "../src/index.js";
import { rowsOf } from "./rows.js";

export type Commands = Record<string, (...given: any[]) => unknown>;

/** What it takes to obey; a document without a room has a stand-in for the rest. */
export type Driven = Pick<library.Room, "doc" | "pipeline" | "saved" | "others" | "isLoaded"> & Partial<library.Room>;

/** Notes what a room shows, from the first moment on. */
export class Witness {
  readonly states: library.Saved["state"][] = [];
  readonly events: string[] = [];
  /** How far the edits of this page's clients went, by client id, when it last said that all is saved. */
  private committed: Record<number, number> = {};

  constructor(
    private readonly room: Driven,
    /** Client ids of earlier pages whose edits this one has taken over. */
    private readonly mine: readonly number[] = [room.doc.clientID],
  ) {
    room.subscribe?.(this.note);
    room.onEvent?.(({ event }) => this.events.push(event));
    this.note();
  }

  readonly note = (): void => {
    const { state } = this.room.saved();
    if (this.states.at(-1) !== state) this.states.push(state);
    if (state !== "saved") return;
    const { store } = this.room.doc;
    this.committed = Object.fromEntries(this.mine.map((id) => [id, Y.getState(store, id)]));
  };

  seen(): object {
    this.note();
    return { states: this.states, events: this.events, committed: this.committed };
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The commands that a room obeys. */
export function commandsOf(room: Driven, undo: Y.UndoManager, witness: Witness): Commands {
  const { pipeline } = room;
  return {
    look: () => {
      const steps = [...pipeline.steps().values()];
      return {
        ...room.saved(),
        ...witness.seen(),
        isLoaded: room.isLoaded,
        names: steps.map(({ name }) => name),
        connections: pipeline.connections().size,
        others: room.others().map(({ user, selection }) => [user.name, selection.length]),
        texts: steps.map(({ config }) => JSON.stringify(config)),
      };
    },
    rows: () => rowsOf(pipeline),
    add: (name, fields = {}) => library.addStep(pipeline, { type: "claude", name, ...fields }),
    patch: (id, patch) => library.patchConfig(pipeline, id, patch),
    // Somebody types: each letter is an edit, and others' come between.
    type: async (id, letters, path = ["prompt"]) => {
      for (const letter of letters) {
        const text = pipeline.text(id, path);
        text?.insert(text.length, letter);
        await pause(2);
      }
    },
    connect: (from_step_id, to_step_id) => library.connect(pipeline, { from_step_id, to_step_id }),
    duplicate: (ids) => library.duplicate(pipeline, ids),
    copy: (ids) => library.copy(pipeline, ids),
    paste: (clip, target = {}) => library.paste(pipeline, clip, target),
    remove: (ids) => library.remove(pipeline, ids),
    rename: (id, name) => library.renameStep(pipeline, id, name),
    undo: () => undo.undo() !== null,
    select: (ids) => room.setPresence?.({ selection: ids }),
    reconnect: () => room.reconnect?.(),
  };
}
