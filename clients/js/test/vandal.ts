/** Somebody who writes past the library: values of every wrong shape, wherever a client can write. */
import * as Y from "yjs";
import type { Room } from "../src/index.js";

/** An object that no page can turn into a text: `String(…)` throws. */
const textless = (): object => ({ toString: 0, valueOf: null });

const nested = (levels: number): unknown => {
  let value: unknown = [];
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { in: value };
  return value;
};

const deep = (): unknown => nested(300);

function element(): Y.XmlElement {
  const made = new Y.XmlElement("b");
  made.setAttribute("title", textless() as unknown as string);
  made.insert(0, [new Y.XmlText("x")]);
  return made;
}

function styledText<T extends Y.Text>(text: T): T {
  text.insert(0, "styled \ud83d");
  text.format(0, 3, { bold: textless() });
  text.insertEmbed(2, textless());
  return text;
}

function list(): Y.Array<unknown> {
  const made = new Y.Array<unknown>();
  made.insert(0, [null, textless(), new Y.Map(), new Y.Array(), element(), "x", new Uint8Array(2)]);
  return made;
}

function map(): Y.Map<unknown> {
  const made = new Y.Map<unknown>();
  for (const [key, value] of Object.entries({ x: "1", y: null, from_step_id: {}, prompt: list(), "": element() })) {
    made.set(key, value);
  }
  made.set("__proto__", { x: 1 });
  return made;
}

/** What stands where something else is expected. Makers, since a shared type is put in one place only. */
const SHAPES: readonly (() => unknown)[] = [
  () => null,
  () => undefined,
  () => true,
  () => 0,
  () => -1.5,
  () => NaN,
  () => Infinity,
  () => 1e308,
  () => 2 ** 53,
  () => 2n ** 62n,
  () => "",
  () => "x",
  () => "\0",
  () => "\ud800 half",
  () => "__proto__",
  () => "constructor",
  () => "<img src=x onerror=alert(1)>",
  () => "z".repeat(100_000),
  () => `${"{{steps.a.".repeat(500)}}}`,
  () => [],
  () => [null, [[]], {}, 7],
  () => ({}),
  textless,
  () => ({ "~~proto~~": { x: 1 }, "~onstructor": 2, hasOwnProperty: 3, length: -1 }),
  () => ({ in: { "~~proto~~": null, "~onstructor": { name: 7 } } }),
  () => ({ x: "1", y: null, width: Infinity, height: 1e300, from_step_id: 7, to_step_id: {} }),
  () => ({ x: 1e9, y: -999_999_999, width: 1e-300, height: 1e9 }),
  deep,
  () => new Uint8Array(3),
  () => new Y.Text("text"),
  () => styledText(new Y.Text()),
  list,
  map,
  element,
  () => styledText(new Y.XmlText()),
  () => new Y.XmlFragment(),
  () => new Y.Doc({ guid: "sub" }),
  // The server's library knows no such type: whoever sends one is disconnected. A document may have it all the same.
  () => new Y.XmlHook("hook"),
];

/** How many shapes there are. */
export const SHAPE_COUNT = SHAPES.length;

const STEP = ["name", "type", "enabled", "parent_step_id", "slot", "order", "position", "size", "config", "more"];
const WIRE = ["ends", "path_data", "more"];
const FOUND = ["code", "subject", "severity", "message", "path", "suggestion"];
const SETTINGS = [
  "name", "description", "tags", "config", "defaults", "authentication", "yaml_version", "status", "is_template", "more",
];
const KEYS = ["", "no uuid", "__proto__", "constructor", "\0", "0000000A-0000-4000-8000-000000000000"];

const idOf = (shape: number, at: number): string =>
  `00000000-0000-4000-8000-${String(shape * 100 + at).padStart(12, "0")}`;

function entryWith(fields: object, field: string, value: unknown): Y.Map<unknown> {
  const made = new Y.Map<unknown>();
  for (const [key, good] of Object.entries({ ...fields, [field]: null })) made.set(key, key === field ? value : good);
  return made;
}

/** Edit a document from outside: what no shared type would take (`~` stands for it) comes as bytes. */
function smuggle(doc: Y.Doc, edit: (other: Y.Doc) => void): void {
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  other.transact(() => edit(other));
  const update = Buffer.from(Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc))).toString("latin1");
  const changed = update.replaceAll("~~proto~~", "__proto__").replaceAll("~onstructor", "constructor");
  Y.applyUpdate(doc, Buffer.from(changed, "latin1"));
}

/** Put one wrong shape wherever a value may stand: as an entry, as each field of one, in plain values. */
export const vandalise = (doc: Y.Doc, shape: number): void => smuggle(doc, (other) => writeShape(other, shape));

function writeShape(doc: Y.Doc, shape: number): void {
  const make = SHAPES[shape] as () => unknown;
  const [pipeline, steps, connections, diagnostics] = ["pipeline", "steps", "connections", "diagnostics"].map((name) =>
    doc.getMap<unknown>(name),
  ) as [Y.Map<unknown>, Y.Map<unknown>, Y.Map<unknown>, Y.Map<unknown>];
  const [one, two] = [idOf(shape, 0), idOf(shape, 1)];
  const ends = { from_step_id: one, to_step_id: two, from_output: "output", to_input: "input" };
  for (const [at, field] of STEP.entries()) {
    steps.set(idOf(shape, at), entryWith({ name: field, type: "claude", order: "a0", config: {} }, field, make()));
  }
  for (const [at, field] of WIRE.entries()) connections.set(idOf(shape, at + 20), entryWith({ ends }, field, make()));
  for (const [at, end] of Object.keys(ends).entries()) {
    const value = make();
    const isShared = value instanceof Y.AbstractType || value instanceof Y.Doc;
    connections.set(idOf(shape, at + 30), entryWith({}, "ends", isShared ? [end] : { ...ends, [end]: value }));
  }
  for (const root of [steps, connections, diagnostics]) {
    root.set(idOf(shape, 40), make());
    for (const key of KEYS) root.set(key, make());
  }
  const good = { code: "made_up", subject: `step:${one}`, severity: "error", message: "m", path: "", suggestion: "s" };
  for (const field of FOUND) diagnostics.set(`${shape} ${field}`, entryWith(good, field, make()));
  diagnostics.set(`${shape} plain`, { ...good, code: textless(), message: textless() });
  for (const field of SETTINGS) pipeline.set(field, make());
  // Steps inside each other in a circle, and in what is none.
  const [outer, inner] = [idOf(shape, 50), idOf(shape, 51)];
  steps.set(outer, entryWith({ name: "a", type: "for_loop", parent_step_id: inner }, "slot", make()));
  steps.set(inner, entryWith({ name: "a", type: "for_loop", parent_step_id: outer }, "order", make()));
  doc.getMap("notes").set("shape", shape);
}

/** A field of a step type: null where any value may stand, and around it what the type expects. */
export type Template = null | string | readonly Template[] | { readonly [name: string]: Template };

/**
 * Add a step of each type whose `config` has wrong shapes: in place of one half of its fields, inside of what the
 * other half is made of. Another round has other shapes there.
 */
export const vandaliseConfigs = (doc: Y.Doc, types: Readonly<Record<string, Template>>, round: number): void =>
  smuggle(doc, (other) => {
    let next = round * 11;
    const wrong = (): unknown => SHAPES[next++ % (SHAPES.length - 1)]?.() ?? null;
    const fill = (template: Template): unknown => {
      if (template === null) return wrong();
      if (typeof template === "string") return template;
      if (!Array.isArray(template)) return mapOf(Object.entries(template), fill);
      const made = new Y.Array<unknown>();
      for (const each of template) {
        const value = fill(each);
        // No list of shared types takes a number of this kind.
        made.push([typeof value === "bigint" ? null : value]);
      }
      return made;
    };
    for (const [at, [type, fields]] of Object.entries(types).entries()) {
      const shaped = Object.entries(fields as object).map(([name, each], index) => [name, (index + at + round) % 2 ? null : each] as const);
      const config = mapOf(shaped, fill);
      other.getMap("steps").set(idOf(90 + round, at), entryWith({ name: `${type}_${round}`, type, order: "a0" }, "config", config));
    }
  });

function mapOf(entries: Iterable<readonly [string, Template]>, fill: (template: Template) => unknown): Y.Map<unknown> {
  const made = new Y.Map<unknown>();
  for (const [name, template] of entries) made.set(name, fill(template));
  return made;
}

/** Write into the roots as if they were lists, texts and elements, and delete below where others write. */
export const misuseRoots = (doc: Y.Doc): void =>
  smuggle(doc, (other) => {
    const fresh = new Y.Doc();
    fresh.getArray("steps").insert(0, [1, new Y.Map(), new Y.Text("x")]);
    fresh.getText("connections").insert(0, "text");
    fresh.getXmlFragment("pipeline").insert(0, [element()]);
    fresh.getText("diagnostics").insertEmbed(0, textless());
    Y.applyUpdate(other, Y.encodeStateAsUpdate(fresh));
  });

/** Show the others a presence of the wrong shape, and send them what looks like an event. */
export function disturb({ awareness, pipeline, provider }: Room, shape: number): void {
  // The server ends the session of whoever sends a state of more than 100 levels.
  const value = SHAPES[shape] === deep ? nested(80) : SHAPES[shape]?.();
  const isJson = typeof value !== "bigint" && !(value instanceof Y.AbstractType) && !(value instanceof Y.Doc);
  if (!isJson || value === undefined || (typeof value === "string" && value.length > 10_000)) return;
  const ids = [...pipeline.steps().keys()].slice(0, 20);
  const dragging = Object.fromEntries([...ids, "__proto__", ""].map((id) => [id, value]));
  const state = shape % 2 === 0
    ? { cursor: value, selection: value, dragging: value, field: value, viewport: value }
    : { selection: [value], dragging, field: { step: ids[0], path: [value], range: value, typing: value } };
  provider.sendStateless(JSON.stringify({ event: "comment.created", data: value }));
  provider.sendStateless(String(JSON.stringify(value)));
  awareness.setLocalState({ ...state, status: value, user: value } as Record<string, unknown>);
}
