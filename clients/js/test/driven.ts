/** A room that obeys: each line in is a command as JSON, each line out what came of it. */
import { createInterface } from "node:readline";
import { WebSocket as NodeWebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import * as library from "../src/index.js";

let token: string | null = null;
let tokensAsked = 0;
let room: library.Room;
const states: library.Saved["state"][] = [];
const events: string[] = [];
let undo: ReturnType<typeof library.undoOf>;

function join(url: string, pipeline: string): void {
  room = library.joinRoom({
    url,
    pipeline,
    token: () => {
      tokensAsked += 1;
      return token;
    },
    WebSocket: NodeWebSocket as unknown as typeof WebSocket,
  });
  undo = library.undoOf(room.pipeline, { captureTimeout: 0 });
  const note = (): void => {
    if (states.at(-1) !== room.saved().state) states.push(room.saved().state);
  };
  room.subscribe(note);
  room.onEvent(({ event }) => events.push(event));
}

/** Open the pipeline by a provider that this library knows nothing of. */
function joinPlain(url: string, pipeline: string): void {
  const doc = new Y.Doc();
  const options = { params: { token: token ?? "" }, WebSocketPolyfill: NodeWebSocket as never };
  const provider = new WebsocketProvider(url, pipeline, doc, options);
  const saved = (): library.Saved => ({ state: provider.synced ? "saved" : "offline", unsaved: 0, reason: "" });
  room = { doc, pipeline: library.openPipeline(doc), saved, others: () => [] } as unknown as library.Room;
  undo = library.undoOf(room.pipeline);
}

const look = (): unknown => {
  const { pipeline } = room;
  return {
    ...room.saved(),
    states,
    events,
    tokensAsked,
    isLoaded: room.isLoaded,
    names: [...pipeline.steps().values()].map(({ name }) => name),
    connections: pipeline.connections().size,
    others: room.others().map(({ user, selection }) => [user.name, selection.length]),
    texts: [...pipeline.steps().values()].map(({ config }) => JSON.stringify(config)),
  };
};

const COMMANDS: Record<string, (...given: any[]) => unknown> = {
  token: (next) => {
    token = next;
  },
  join,
  joinPlain,
  look,
  add: (name, fields = {}) => library.addStep(room.pipeline, { type: "claude", name, ...fields }),
  patch: (id, patch) => library.patchConfig(room.pipeline, id, patch),
  type: (id, letters) => {
    const text = room.pipeline.text(id, ["prompt"]);
    for (const letter of letters) text?.insert(text.length, letter);
  },
  connect: (from_step_id, to_step_id) => library.connect(room.pipeline, { from_step_id, to_step_id }),
  duplicate: (ids) => library.duplicate(room.pipeline, ids),
  remove: (ids) => library.remove(room.pipeline, ids),
  undo: () => undo.undo() !== null,
  select: (ids) => room.setPresence({ selection: ids }),
  reconnect: () => room.reconnect(),
  // Somebody who writes past the library.
  vandalise: () => {
    const steps = room.doc.getMap<any>("steps");
    for (const [at, junk] of [null, 5, "x", [1], { name: 7 }, new Uint8Array(3)].entries()) {
      steps.set(`00000000-0000-0000-0000-${String(at).padStart(12, "0")}`, junk);
    }
    room.awareness.setLocalState({ cursor: "here", selection: 7, dragging: [1], status: {} });
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, ...given] = JSON.parse(line);
  try {
    console.log(JSON.stringify(COMMANDS[command]?.(...given) ?? null));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
});
