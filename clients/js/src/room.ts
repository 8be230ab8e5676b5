/** A pipeline that is open on a server: the document, whether it is saved, who else is there. */
import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { Listeners } from "./listeners.js";
import { openPipeline, type Pipeline, type PipelineOptions } from "./pipeline.js";
import { type Other, othersIn, type Presence } from "./presence.js";
import { counted, Tally } from "./tally.js";
import { same } from "./values.js";

/**
 * `saved`: everything is committed on the server. `saving`: `unsaved` edits are on their way. `behind`:
 * the server has them, shares them, and cannot store any at the moment; it goes on by itself.
 * `offline`: `unsaved` edits wait for a connection, which is tried again and again. `read only`: the
 * user may read, or the server has refused an edit. `signed out`: the token was refused. `gone`: the
 * pipeline was deleted, or the user has no access to it. The last two end the connection until
 * `reconnect()`. `reason` is the server's, if it gave one, and `code` is that of the refusal that ended it
 * (`docs/protocol.md`): 4403 where the user is not in the team, or no longer, and 4404 where no pipeline is.
 */
export interface Saved {
  readonly state: "saved" | "saving" | "behind" | "offline" | "read only" | "signed out" | "gone";
  readonly unsaved: number;
  readonly reason: string;
  readonly code?: number;
}

/** What happens beside the document; `docs/api.md` lists the events and their data. */
export interface RoomEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The part of `IndexeddbPersistence` (y-indexeddb) that is used. */
interface Persistence {
  readonly whenSynced: Promise<unknown>;
  get(key: string): Promise<unknown>;
  set(key: string, value: number): Promise<unknown>;
  destroy(): Promise<unknown>;
  clearData(): Promise<unknown>;
}

/** Names of root types that stand for lost edits begin with this (`crdt/updates/stand_in.py`). */
const LOST_ROOT = "pipeloom:lost:";

export interface RoomOptions extends PipelineOptions {
  /** The server, such as `https://pipeloom.example`; by default that of the page. */
  readonly url?: string;
  /** The pipeline's id. */
  readonly pipeline: string;
  /** Returns a token; called again before one expires. Null means that nobody is signed in. */
  readonly token: () => string | null | Promise<string | null>;
  readonly doc?: Y.Doc;
  /** `IndexeddbPersistence` of y-indexeddb, to keep a copy in the browser. */
  readonly offline?: new (name: string, doc: Y.Doc) => Persistence;
  readonly WebSocket?: typeof WebSocket;
}

export class Room {
  readonly doc: Y.Doc;
  readonly pipeline: Pipeline;
  readonly provider: HocuspocusProvider;
  readonly awareness: Awareness;
  /** Whether the document has come, from the server or from the browser's copy. */
  isLoaded = false;

  readonly #socket: HocuspocusProviderWebsocket;
  readonly #tally = new Tally();
  readonly #listeners = new Listeners();
  readonly #eventListeners = new Listeners<RoomEvent>();
  #persistence: Persistence | undefined;
  /** Whether the browser's copy has been read: what waited in it is counted. */
  #isCopyRead = false;
  readonly #base: string;
  #known: ReadonlyMap<number, readonly [unknown, Other]> = new Map();
  #present: readonly Other[] = [];
  #current: Saved = { state: "offline", unsaved: 0, reason: "" };
  #ended: Omit<Saved, "unsaved"> | null = null;
  #isOpen = false;
  #refused = "";
  /** Why the server has ended the connection, if it said so. */
  #lost = "";
  /** Why the server cannot store edits, while that is so. */
  #behind = "";
  #unsaved = 0;

  readonly #options: RoomOptions;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#base = (options.url ?? globalThis.location?.origin ?? "").replace(/\/+$/, "");
    this.doc = options.doc ?? new Y.Doc();
    this.pipeline = openPipeline(this.doc, options);
    this.doc.on("update", this.#onUpdate);
    const name = options.pipeline;
    this.#persistence = options.offline && new options.offline(`pipeloom:${this.#base}:${name}`, this.doc);
    void this.#persistence?.whenSynced.then(this.#onLoaded);
    this.#socket = new HocuspocusProviderWebsocket({
      url: `${this.#base.replace(/^http/, "ws")}/collab`,
      WebSocketPolyfill: counted(options.WebSocket ?? WebSocket, this.#tally, this.#onStatus),
      onClose: ({ event }) => this.#onClose(event.code, event.reason),
      onDisconnect: () => this.#tell(),
    });
    this.provider = new HocuspocusProvider({
      websocketProvider: this.#socket,
      name,
      document: this.doc,
      token: this.#token,
      onAuthenticated: ({ scope }) => this.#onScope(scope),
      onAuthenticationFailed: ({ reason }) => this.#onDenied(reason),
      onSynced: this.#onSynced,
      onStateless: ({ payload }) => this.#onStateless(payload),
    });
    this.provider.attach();
    this.awareness = this.provider.awareness as Awareness;
    this.awareness.on("change", this.#onPresence);
  }

  /** Whether the edits are saved; the same object while that is unchanged. */
  saved(): Saved {
    return this.#current;
  }

  /** The other clients; the same list while nothing has changed. */
  others(): readonly Other[] {
    return this.#present;
  }

  /** Change what the others see of this user; the parts that are not given stay. */
  setPresence(presence: Presence): void {
    this.awareness.setLocalState({ ...this.awareness.getLocalState(), ...presence });
  }

  /** Call a listener whenever `saved()`, `others()` or `isLoaded` has changed. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Call a listener for each event: `comment.created`, `version.created` and so on. */
  onEvent(listener: (event: RoomEvent) => void): () => void {
    return this.#eventListeners.add(listener);
  }

  /** Ask the REST API about this pipeline, with a token: `request("/comments")`. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${(await this.#options.token()) ?? ""}`);
    return fetch(`${this.#base}/api/pipelines/${this.#options.pipeline}${path}`, { ...init, headers });
  }

  /** Connect again after `signed out` or `gone`, and send what was refused once more. */
  reconnect(): void {
    if (this.#refused) {
      // Only another exchange sends it.
      this.#isOpen = false;
      this.#socket.webSocket?.close();
    }
    [this.#ended, this.#refused] = [null, ""];
    // A socket that is still closing connects again once it is closed.
    this.#socket.shouldConnect = true;
    void this.#socket.connect();
    this.#tell();
  }

  /** Close the connection. Edits that are not saved stay in the browser's copy, if there is one. */
  leave(): void {
    this.doc.off("update", this.#onUpdate);
    this.awareness.off("change", this.#onPresence);
    this.pipeline.close();
    this.provider.destroy();
    this.#socket.destroy();
    void this.#persistence?.destroy();
    this.#listeners.clear();
  }

  /** The provider sends no token after an error, where an empty one might end an open session later. */
  readonly #token = async (): Promise<string> => {
    let token: string | null;
    try {
      token = await this.#options.token();
    } catch (error) {
      // Perhaps there is no network: a new socket asks again.
      this.#socket.webSocket?.close();
      throw error;
    }
    if (token !== null) return token;
    this.#end({ state: "signed out", reason: "nobody is signed in" });
    throw new Error("nobody is signed in");
  };

  readonly #onUpdate = (_update: Uint8Array, origin: unknown): void => {
    if (origin === this.provider || origin === this.#persistence) return;
    this.#count(this.#unsaved + 1);
    this.#tell();
  };

  readonly #onLoaded = async (): Promise<void> => {
    // A copy that is made just now is empty, where no pipeline is.
    this.isLoaded ||= this.doc.store.clients.size > 0;
    // What an earlier page could not save waits in the copy.
    const left = Number(await this.#persistence?.get("unsaved")) || 0;
    if (!this.#isSaved()) this.#count(this.#unsaved + left);
    this.#isCopyRead = true;
    this.#tell(true);
  };

  #count(unsaved: number): void {
    if (unsaved === this.#unsaved) return;
    this.#unsaved = unsaved;
    void this.#persistence?.set("unsaved", unsaved);
  }

  #isSaved(): boolean {
    return this.#isOpen && this.#tally.isComplete && this.#tally.waiting === 0;
  }

  readonly #onStatus = (accepted: boolean): void => {
    if (accepted) this.#behind = "";
    else this.#refused ||= "the server has refused an edit: try again, or reload the page";
    if (this.#isSaved() && !this.#refused) this.#count(0);
    else if (this.#tally.isComplete && !this.#refused) this.#count(Math.min(this.#unsaved, this.#tally.waiting));
    this.#tell();
  };

  #onScope(scope: string): void {
    this.#isOpen = true;
    this.#lost = "";
    this.pipeline.readOnly = scope === "readonly";
    // Who may write again writes on what was refused: the server asks for it.
    if (!this.pipeline.readOnly) this.#refused = "";
    this.#tell();
  }

  readonly #onSynced = (): void => {
    this.isLoaded = true;
    // A state of clock 0 is not shown by others (y-protocols): write it once more.
    this.setPresence({});
    this.#tell(true);
  };

  /** The server denies the document: `4404 no such pipeline`. Without a code it is the provider's own text. */
  #onDenied(denial: string): void {
    const [, code, reason = ""] = /^(\d+) (.*)/s.exec(denial) ?? [];
    this.#onEnd(Number(code), reason);
  }

  #onClose(code: number, reason: string): void {
    this.#tally.reset();
    this.#behind = "";
    this.#onEnd(code, reason);
  }

  #onEnd(code: number, reason: string): void {
    this.#isOpen = false;
    // A new attempt that fails has no reason of its own.
    this.#lost ||= reason;
    const state = ENDS[code];
    if (state) this.#end({ state, reason, code });
    else this.#tell();
  }

  #end(ended: Omit<Saved, "unsaved">): void {
    this.#ended ??= ended;
    this.#socket.disconnect();
    this.#tell();
  }

  #onStateless(payload: string): void {
    const message: unknown = JSON.parse(payload);
    // Messages of clients have `from`, which the server writes; an event has none.
    if (typeof message !== "object" || message === null || "from" in message || !("event" in message)) return;
    const { event, data } = message as RoomEvent;
    if (event !== "storage.failing" && event !== "storage.restored") return this.#eventListeners.call({ event, data });
    this.#behind = event === "storage.failing" ? String(data?.reason || "it cannot be reached") : "";
    this.#tell();
  }

  readonly #onPresence = (change: Readonly<Record<"added" | "updated" | "removed", readonly number[]>>): void => {
    // What this user shows changes nothing here, and a pointer does so twenty times a second.
    if (Object.values(change).flat().every((clientId) => clientId === this.awareness.clientID)) return;
    this.#known = othersIn(this.awareness, this.#known);
    this.#present = [...this.#known.values()].map(([, other]) => other);
    this.#tell(true);
  };

  #next(): Saved {
    const unsaved = this.#unsaved;
    if (this.#ended) return { ...this.#ended, unsaved };
    if (!this.#isOpen) return { state: "offline", unsaved, reason: this.#lost };
    if (this.pipeline.readOnly || this.#refused) return { state: "read only", unsaved, reason: this.#refused };
    // An edit is counted before the provider sends it.
    if (unsaved === 0 && this.#isSaved()) return { state: "saved", unsaved, reason: "" };
    return { state: this.#behind ? "behind" : "saving", unsaved, reason: this.#behind };
  }

  /** Keep no copy that has a stand-in for lost edits: once they are back, a page that is loaded anew gets them. */
  #dropStandIn(): void {
    if (!this.#persistence || !this.#isCopyRead) return;
    if (![...this.doc.share.keys()].some((name) => name.startsWith(LOST_ROOT))) return;
    void this.#persistence.clearData();
    this.#persistence = undefined;
  }

  #tell(always = false): void {
    const next = this.#next();
    const isSame = same({ ...next }, { ...this.#current });
    if (!isSame) this.#current = next;
    if (next.state === "saved") this.#dropStandIn();
    if (!isSame || always) this.#listeners.call();
  }
}

/** Codes after which it is no use to connect again by oneself; the server's reason says what is. */
const ENDS: Readonly<Record<number, Saved["state"]>> = {
  4400: "read only",
  4401: "signed out",
  4403: "gone",
  4404: "gone",
  4413: "read only",
};

/** Open a pipeline on a server. */
export const joinRoom = (options: RoomOptions): Room => new Room(options);
