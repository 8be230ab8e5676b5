/** A page without a browser: each line in is {id, verb, args}, each line out {id, result}. */
import { createInterface } from "node:readline";
import { WebSocket as NodeWebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import * as library from "../src/index.js";
import { type Commands, commandsOf, type Driven, Witness } from "./driven.js";
import { disturb, misuseRoots, SHAPE_COUNT, vandalise, vandaliseConfigs } from "./vandal.js";

let token: string | null = null;
let tokensAsked = 0;
let commands: Commands = {};
let plain: Commands = {};
let room: library.Room;

function obey(driven: Driven, captureTimeout?: number): Commands {
  const undo = library.undoOf(driven.pipeline, captureTimeout === undefined ? {} : { captureTimeout });
  return commandsOf(driven, undo, new Witness(driven));
}

function join(url: string, pipeline: string): void {
  const asked = (): string | null => {
    tokensAsked += 1;
    return token;
  };
  room = library.joinRoom({ url, pipeline, token: asked, WebSocket: NodeWebSocket as unknown as typeof WebSocket });
  commands = obey(room, 0);
}

/** Open the pipeline by a provider that this library knows nothing of. */
function joinPlain(url: string, pipeline: string): void {
  const doc = new Y.Doc();
  const options = { params: { token: token ?? "" }, WebSocketPolyfill: NodeWebSocket as never };
  const provider = new WebsocketProvider(url, pipeline, doc, options);
  const saved = (): library.Saved => ({ state: provider.synced ? "saved" : "offline", unsaved: 0, reason: "" });
  plain = obey({ doc, pipeline: library.openPipeline(doc), saved, others: () => [], isLoaded: true });
}

const OWN: Commands = {
  token: (next) => {
    token = next;
  },
  join,
  joinPlain,
  look: () => ({ ...(commands["look"]?.() as object), tokensAsked }),
  // The document that is open over /ws, beside a room or without one.
  plain: (command, ...given) => plain[command]?.(...given),
  // One update, since each costs everybody a rendering.
  vandalise: (shapes: number[]) => room.doc.transact(() => shapes.forEach((shape) => vandalise(room.doc, shape))),
  vandaliseConfigs: (types, round) => room.doc.transact(() => vandaliseConfigs(room.doc, types, round)),
  disturb: (shape) => disturb(room, shape),
  misuseRoots: () => misuseRoots(room.doc),
  shapes: () => SHAPE_COUNT,
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, verb, args } = JSON.parse(line);
  try {
    const result = await (OWN[verb] ?? commands[verb])?.(...args);
    console.log(JSON.stringify({ id, result: result ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ id, error: String(error) }));
  }
});
