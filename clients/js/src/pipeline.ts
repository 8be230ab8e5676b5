/** A Y.Doc opened as a pipeline: what is in it, kept up to date, and who wants to know of changes. */
import * as Y from "yjs";
import { type ConnectionEntry, connectionEntry, type Diagnostic, type Read, serversDiagnostic, settingsEntry, type StepEntry, stepEntry } from "./entries.js";
import { Listeners } from "./listeners.js";
import type { Connection, Settings, Step } from "./schema.js";
import { placed, type Rows } from "./structure.js";
import { compare, isMap, isText, type Json, read, same } from "./values.js";
import type { Path } from "./writing.js";

/** What a transaction has changed of what is shown. */
export interface Change {
  /** Ids of steps that are new, changed or gone. */
  readonly steps: ReadonlySet<string>;
  readonly connections: ReadonlySet<string>;
  readonly settings: boolean;
  readonly diagnostics: boolean;
}

export interface PipelineOptions {
  /** Makes the ids of new entries, lower-case UUIDs. */
  readonly newId?: () => string;
  /** The origin of this client's transactions; undo goes by it. */
  readonly origin?: object;
}

/** A pipeline in a document. All it returns is immutable; what did not change stays the same object. */
export class Pipeline {
  /** The origin of all edits by the verbs on this pipeline. */
  readonly origin: object;
  readonly newId: () => string;
  /** While it is set, verbs refuse to edit; a connection sets it for viewers. */
  readOnly = false;
  /** The root maps, for those who bind an editor to a text or extend the library. */
  readonly roots: Readonly<Record<"pipeline" | "steps" | "connections", Y.Map<unknown>>>;
  readonly #servers: Y.Map<unknown>;

  readonly #listeners = new Listeners<Change>();
  /** By root, the keys of what was written since it was read. */
  readonly #touched = new Map<Y.Map<unknown>, Set<string>>();
  readonly #observers: (() => void)[] = [];
  readonly #stepEntries = new Map<string, Read<StepEntry>>();
  readonly #wireEntries = new Map<string, Read<ConnectionEntry>>();
  #read: Read<Settings> & { readonly value: Settings } = settingsEntry({});
  #rows: Rows = { steps: new Map(), connections: new Map(), diagnostics: [] };
  #found = this.#read.diagnostics;

  constructor(
    readonly doc: Y.Doc,
    options: PipelineOptions = {},
  ) {
    this.origin = options.origin ?? this;
    this.newId = options.newId ?? randomId;
    const [pipeline, steps, connections] = ["pipeline", "steps", "connections"].map((n) => doc.getMap(n));
    this.roots = { pipeline, steps, connections } as typeof this.roots;
    this.#servers = doc.getMap("diagnostics");
    for (const root of [...Object.values(this.roots), this.#servers]) this.#watch(root);
    const notify = (): void => {
      const change = this.#refresh();
      if (change !== null) this.#listeners.call(change);
    };
    doc.on("afterTransaction", notify);
    this.#observers.push(() => doc.off("afterTransaction", notify));
    this.#refresh();
  }

  /** The settings; the same object while they are unchanged. */
  settings(): Settings {
    return this.#read.value;
  }

  /** All steps by id, in reading order, parents before what is in them. */
  steps(): ReadonlyMap<string, Step> {
    return this.#rows.steps;
  }

  /** All connections by id. */
  connections(): ReadonlyMap<string, Connection> {
    return this.#rows.connections;
  }

  /**
   * Where the document differs from the above, as it is now, and what the server last found that no
   * runner understands; sorted by subject and code.
   */
  diagnostics(): readonly Diagnostic[] {
    return this.#found;
  }

  /** Call a listener after each transaction that changes what is shown; returns how to stop that. */
  subscribe(listener: (change: Change) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Return the shared text at a path of a step's config, to bind an editor to it: the `content` of
   * the first part of a prompt is at `["prompt", 0, "content"]`. Null where there is none.
   */
  text(stepId: string, path: Path): Y.Text | null {
    let at: unknown = this.roots.steps.get(stepId);
    for (const key of ["config", ...path]) {
      if (isMap(at)) at = at.get(String(key));
      else at = at instanceof Y.Array && typeof key === "number" ? at.get(key) : undefined;
    }
    return isText(at) ? at : null;
  }

  /** Stop following the document. */
  close(): void {
    for (const stop of this.#observers.splice(0)) stop();
    this.#listeners.clear();
  }

  #watch(root: Y.Map<unknown>): void {
    const touched = new Set(root.keys());
    const observe = (events: readonly Y.YEvent<Y.AbstractType<unknown>>[]): void => {
      for (const event of events) {
        if (event.target === root) for (const key of event.keys.keys()) touched.add(key);
        else touched.add(String(event.path[0]));
      }
    };
    this.#touched.set(root, touched);
    root.observeDeep(observe as Parameters<typeof root.observeDeep>[0]);
    this.#observers.push(() => root.unobserveDeep(observe as Parameters<typeof root.observeDeep>[0]));
    if (root === this.roots.pipeline) touched.add("");
  }

  /** Read what was touched since the last time; return what that changes, null for nothing. */
  #refresh(): Change | null {
    const { pipeline, steps, connections } = this.roots;
    const settings = this.#take(pipeline).size > 0 && this.#readSettings();
    const touchedSteps = this.#take(steps);
    const touchedWires = this.#take(connections);
    const isReported = this.#take(this.#servers).size > 0;
    if (!settings && !isReported && touchedSteps.size + touchedWires.size === 0) return null;
    const isMoved = this.#readEntries(steps, touchedSteps, this.#stepEntries, stepEntry, samePlace);
    const isRewired = this.#readEntries(connections, touchedWires, this.#wireEntries, connectionEntry, same);
    const former = this.#rows;
    this.#rows = isMoved || isRewired ? this.#placedAnew() : this.#patched(touchedSteps);
    const change = {
      steps: differing(former.steps, this.#rows.steps),
      connections: differing(former.connections, this.#rows.connections),
      settings,
      diagnostics: this.#report(),
    };
    return settings || change.diagnostics || change.steps.size + change.connections.size > 0 ? change : null;
  }

  #take(root: Y.Map<unknown>): Set<string> {
    const touched = this.#touched.get(root) ?? new Set();
    const taken = new Set(touched);
    touched.clear();
    return taken;
  }

  #readSettings(): boolean {
    const former = this.#read;
    this.#read = settingsEntry(read(this.roots.pipeline));
    if (same(this.#read as unknown as Json, former as unknown as Json)) this.#read = former;
    return this.#read !== former;
  }

  /** Read entries anew; return whether that changes more than fields of their own. */
  #readEntries<T>(
    root: Y.Map<unknown>,
    touched: ReadonlySet<string>,
    entries: Map<string, Read<T>>,
    make: (key: string, raw: Json) => Read<T>,
    isSame: (one: Json, other: Json) => boolean,
  ): boolean {
    let isChanged = false;
    for (const key of touched) {
      const former = entries.get(key)?.value ?? null;
      const entry = root.has(key) ? make(key, read(root.get(key))) : null;
      if (entry === null) entries.delete(key);
      else entries.set(key, entry);
      isChanged ||= !isSame(former as unknown as Json, (entry?.value ?? null) as unknown as Json);
    }
    return isChanged;
  }

  #placedAnew(): Rows {
    const rows = placed(valuesOf(this.#stepEntries), valuesOf(this.#wireEntries));
    keep(rows.steps, this.#rows.steps);
    keep(rows.connections, this.#rows.connections);
    return rows;
  }

  /** The rows, of which some steps have other fields of their own: everything else stays. */
  #patched(touched: ReadonlySet<string>): Rows {
    const steps = new Map(this.#rows.steps);
    for (const key of touched) {
      const [former, entry] = [steps.get(key), this.#stepEntries.get(key)?.value];
      if (former && entry) {
        steps.set(key, { ...former, type: entry.type, supported: entry.supported, ...entry.own } as Step);
      }
    }
    keep(steps, this.#rows.steps);
    return { ...this.#rows, steps };
  }

  /** Bring the diagnostics up to date; return whether they have changed. */
  #report(): boolean {
    const own = [this.#read, ...this.#stepEntries.values(), ...this.#wireEntries.values()];
    const servers = [...this.#servers.values()].map((value) => serversDiagnostic(read(value)));
    const all = [
      ...servers.filter((each) => each !== null),
      ...own.flatMap((each) => each.diagnostics),
      ...this.#rows.diagnostics,
    ];
    // At most one of a code and subject: dangling connections may lack ends or steps.
    const distinct = new Map(all.map((each) => [`${each.subject} ${each.code}`, each]));
    const found = [...distinct.values()].sort(
      (a, b) => compare(a.subject, b.subject) || compare(a.code, b.code),
    );
    if (same(found as unknown as Json, this.#found as unknown as Json)) return false;
    this.#found = found;
    return true;
  }
}

/** Open a document as a pipeline. It needs no connection: any Yjs provider may fill the document. */
export const openPipeline = (doc: Y.Doc, options?: PipelineOptions): Pipeline => new Pipeline(doc, options);

/** Make a UUID of version 4; `crypto.randomUUID` is missing from pages without TLS. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(15));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  // The version is 4; of the variant's digit, two bits of which are free, one value will do (RFC 9562, 5.4).
  return hex.replace(/^(.{8})(.{4})(.{3})(.{3})/, "$1-$2-4$3-a$4-");
}

function samePlace(one: Json, other: Json): boolean {
  const [a, b] = [one, other] as unknown as (StepEntry | null)[];
  if (!a || !b) return a === b;
  return a.name === b.name && a.parent === b.parent && a.slot === b.slot && a.order === b.order;
}

const valuesOf = <T>(entries: ReadonlyMap<string, Read<T>>): Map<string, T> => {
  const values = new Map<string, T>();
  for (const [key, { value }] of entries) if (value !== null) values.set(key, value);
  return values;
};

/** Put the former objects back where they are equal, so that views of them need not be drawn again. */
function keep<T>(rows: Map<string, T>, former: ReadonlyMap<string, T>): void {
  for (const [key, row] of rows) {
    const other = former.get(key);
    if (other !== undefined && other !== row && same(row as Json, other as Json)) rows.set(key, other);
  }
}

function differing<T>(former: ReadonlyMap<string, T>, present: ReadonlyMap<string, T>): Set<string> {
  const changed = new Set<string>();
  if (former === present) return changed;
  for (const [key, row] of present) if (former.get(key) !== row) changed.add(key);
  for (const key of former.keys()) if (!present.has(key)) changed.add(key);
  return changed;
}
