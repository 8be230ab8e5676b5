/**
 * The verbs by which a page edits a pipeline, as `crdt/editing` does on the server: each is one
 * transaction, checks everything before it writes anything, writes only what differs, and returns
 * what came of it. None throws.
 */
import type * as Y from "yjs";
import type { Pipeline } from "./pipeline.js";
import { fieldOf, insideOf, isEntry, lineOf, ordersFor, type Place, placeAt, type Places, placesOf } from "./places.js";
import { checked, checkId, checkRequired, type Outcome, Refused, shown, unknown } from "./refusals.js";
import { freshName, namesIn } from "./names.js";
import { renameReferences } from "./renaming.js";
import {
  CONNECTION,
  type ConnectionFields,
  type Field,
  MAIN_SLOT,
  SETTINGS,
  type SettingsFields,
  STEP,
  type StepFields,
} from "./schema.js";
import { compare, isObject, type Json, type JsonObject, member, mergePatch, read, textOr } from "./values.js";
import { asMap, CONNECTION_SHAPE, SETTINGS_SHAPE, STEP_SHAPE, writeEntry } from "./writing.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a step is to stand: in which list, and before which sibling (null or nothing: at the end). */
export interface Target {
  readonly parent?: string | null;
  readonly slot?: string;
  readonly before?: string | null;
}

type Patch<T> = { readonly [K in keyof T]?: T[K] };

/** Run an edit as one transaction of this client, and turn what it refuses into a value. */
export function edit<T extends object>(pipeline: Pipeline, verb: () => T): Outcome<T> {
  try {
    if (pipeline.readOnly) throw new Refused("read_only", "you may read this pipeline, not edit it");
    return { ok: true, ...pipeline.doc.transact(verb, pipeline.origin) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, refused: { code: error.code, field: error.field, message: error.message } };
  }
}

/**
 * Add a step. `type` must be given; without a `name` it gets a fresh one. It stands before the
 * sibling `before`, or at the end of its slot.
 */
export function addStep(
  pipeline: Pipeline,
  fields: Patch<StepFields> & { readonly type: string; readonly before?: string | null; readonly id?: string },
): Outcome<{ readonly id: string }> {
  return edit(pipeline, () => {
    const { before = null, id = pipeline.newId(), ...given } = fields;
    checkId(id);
    const { steps } = pipeline.roots;
    if (steps.has(id)) throw new Refused("edit_conflict", `the step ${id} is there already`, "id");
    const places = placesOf(steps);
    const named = { ...given, name: given.name ?? nameFor(places, given) };
    const wanted = checked(STEP, named);
    checkRequired(STEP, wanted);
    const isPlaced = "order" in wanted && before === null;
    writeStep(pipeline, places, id, { ...defaultsOf(STEP), ...wanted }, isPlaced ? undefined : before, writePlain);
    return { id };
  });
}

const nameFor = (places: Places, { type, parent_step_id: parent, slot }: Patch<StepFields>): string => {
  const { parent: inside, slot: list } = placeAt(parent ?? null, slot ?? MAIN_SLOT, "", "");
  return freshName(namesIn(places, inside, list), String(type));
};

/** Change some fields of a step; `config` is a JSON merge patch (RFC 7396), in which null removes a key. */
export const patchStep = (pipeline: Pipeline, id: string, changes: StepPatch): Outcome =>
  changeStep(pipeline, id, changes, writeNamed);

type StepPatch = Patch<StepFields> & { readonly before?: string | null };

function changeStep(pipeline: Pipeline, id: string, { before, ...given }: StepPatch, write: Write): Outcome {
  return edit(pipeline, () => {
    const { steps } = pipeline.roots;
    const wanted = merged(STEP, entryOf(steps, id, "step"), given);
    writeStep(pipeline, placesOf(steps), id, wanted, before, write);
    return {};
  });
}

/** Move a step on the canvas; the position is relative to the corner of the step that it is in. */
export const moveStep = (pipeline: Pipeline, id: string, position: Point): Outcome =>
  moveSteps(pipeline, { [id]: position });

/** Move several steps on the canvas, or none of them. */
export function moveSteps(pipeline: Pipeline, positions: Readonly<Record<string, Point>>): Outcome {
  return edit(pipeline, () => {
    const { steps } = pipeline.roots;
    const wanted = Object.entries(positions).map(([id, { x, y }]) => {
      entryOf(steps, id, "step");
      return [id, checked(STEP, { position: { x, y } })] as const;
    });
    for (const [id, fields] of wanted) writeFields(steps, id, fields);
    return {};
  });
}

/** Move a step, with all steps inside it, into a list, before a sibling or to the list's end. */
export function placeStep(
  pipeline: Pipeline,
  id: string,
  { parent = null, slot = MAIN_SLOT, before = null, position }: Target & { readonly position?: Point },
): Outcome {
  const moved = position === undefined ? {} : { position };
  return changeStep(pipeline, id, { parent_step_id: parent, slot, before, ...moved }, writePlain);
}

/** Give a step another name, and write it into everything that refers to the step. */
export const renameStep = (pipeline: Pipeline, id: string, name: string): Outcome =>
  patchStep(pipeline, id, { name });

/** Change a step's config by a JSON merge patch (RFC 7396). */
export const patchConfig = (pipeline: Pipeline, id: string, patch: JsonObject): Outcome =>
  changeStep(pipeline, id, { config: patch }, writePlain);

/**
 * Make a step's config what a function returns of the present one: lists and inner values may be
 * changed, and keys may be null, for which a merge patch has no words. What is equal is not written.
 */
export function updateConfig(pipeline: Pipeline, id: string, change: (config: JsonObject) => JsonObject): Outcome {
  return edit(pipeline, () => {
    const { steps } = pipeline.roots;
    const config = member(entryOf(steps, id, "step"), "config");
    writeFields(steps, id, checked(STEP, { config: change(isObject(config) ? config : {}) }));
    return {};
  });
}

/** Connect two steps. */
export function connect(
  pipeline: Pipeline,
  fields: ConnectionFields & { readonly id?: string },
): Outcome<{ readonly id: string }> {
  return edit(pipeline, () => {
    const { id = pipeline.newId(), ...given } = fields;
    checkId(id);
    const { connections } = pipeline.roots;
    if (connections.has(id)) throw new Refused("edit_conflict", `the connection ${id} is there already`, "id");
    const wanted = checked(CONNECTION, given);
    checkRequired(CONNECTION, wanted);
    writeConnection(pipeline, id, { ...defaultsOf(CONNECTION), ...wanted });
    return { id };
  });
}

/** Change a connection: what it connects, or how it is drawn. */
export function patchConnection(pipeline: Pipeline, id: string, changes: Patch<ConnectionFields>): Outcome {
  return edit(pipeline, () => {
    const wanted = checked(CONNECTION, changes);
    const present = entryOf(pipeline.roots.connections, id, "connection");
    const ends = member(present, "ends");
    const plain = Object.entries(CONNECTION).filter(([name, { plain }]) => plain && Object.hasOwn(present, name));
    const drawn = Object.fromEntries(plain.map(([name]) => [name, member(present, name)]));
    const former = { ...defaultsOf(CONNECTION), ...(isObject(ends) ? ends : {}), ...drawn };
    writeConnection(pipeline, id, { ...former, ...wanted });
    return {};
  });
}

/** Remove a connection. */
export const disconnect = (pipeline: Pipeline, id: string): Outcome<Removed> => remove(pipeline, [id]);

/** The ids of what was removed. */
export interface Removed {
  readonly steps: readonly string[];
  readonly connections: readonly string[];
}

/**
 * Remove steps, what is inside them and the connections at any of these, and connections. What is
 * not there any more is passed over: somebody else may just have removed it.
 */
export function remove(pipeline: Pipeline, ids: readonly string[]): Outcome<Removed> {
  return edit(pipeline, () => {
    const { steps, connections } = pipeline.roots;
    const places = placesOf(steps);
    const gone = new Set(insideOf(places, ids.filter((id) => steps.has(id))));
    const cut = new Set(ids.filter((id) => connections.has(id)));
    for (const [id, wire] of connections.entries()) {
      if (endsOf(wire).slice(0, 2).some((end) => gone.has(end))) cut.add(id);
    }
    for (const id of cut) connections.delete(id);
    for (const id of gone) steps.delete(id);
    return { steps: [...gone], connections: [...cut].sort(compare) };
  });
}

/** Change some of the pipeline's settings; those that are maps by JSON merge patches (RFC 7396). */
export function patchSettings(pipeline: Pipeline, changes: Patch<SettingsFields>): Outcome {
  return edit(pipeline, () => {
    const { pipeline: root } = pipeline.roots;
    const wanted = merged(SETTINGS, read(root) as JsonObject, changes);
    for (const [field, value] of Object.entries(wanted)) {
      if (value !== null || root.has(field)) writeEntry(root, field, value, SETTINGS_SHAPE);
    }
    return {};
  });
}

/** The defaults of all fields that need not be given; a new step's order follows from its place. */
export const defaultsOf = (table: Readonly<Record<string, Field>>): JsonObject =>
  Object.fromEntries(
    Object.entries(table)
      .filter(([name, field]) => !field.required && name !== "order")
      .map(([name, field]) => [name, field.default]),
  );

function entryOf(root: Y.Map<unknown>, id: string, what: string): JsonObject {
  const entry = root.get(id);
  if (!isEntry(entry)) throw unknown(what, id);
  return read(entry) as JsonObject;
}

/** The changed fields as they are to be, with merge patches applied to the present ones. */
function merged(table: Readonly<Record<string, Field>>, present: JsonObject, changes: object): JsonObject {
  const patch = checked(table, changes);
  const wanted = Object.entries(patch).map(([field, value]) => {
    return [field, table[field]?.kind === "object" ? mergePatch(member(present, field), value) : value];
  });
  return checked(table, Object.fromEntries(wanted) as JsonObject);
}

/** Check a step's place among the others, then write the fields that differ. */
function writeStep(
  pipeline: Pipeline,
  places: Places,
  id: string,
  fields: JsonObject,
  before: string | null | undefined,
  write: Write,
): void {
  if (before !== undefined && "order" in fields) {
    throw new Refused("invalid_edit", "expected either an order or a sibling to stand before, got both", "order");
  }
  const { steps } = pipeline.roots;
  let orders = new Map<string, string>();
  let placed = fields;
  if (before !== undefined || ["name", "parent_step_id", "slot"].some((name) => name in fields)) {
    const place = wantedPlace(places.get(id), fields);
    checkPlace(places, id, place);
    orders = ordersOf(places, id, place, before, "order" in fields);
    if ("parent_step_id" in fields || "slot" in fields) placed = { ...fields, slot: place.slot };
  }
  write(pipeline, places, id, placed);
  for (const [key, order] of orders) writeFields(steps, key, { order });
}

/** How the fields are written: a page that renames no steps does not load what finds references. */
type Write = (pipeline: Pipeline, places: Places, id: string, fields: JsonObject) => void;

const writePlain: Write = (pipeline, _places, id, fields) => writeFields(pipeline.roots.steps, id, fields);

/** Write the fields, the name last: until then the references are found by the former one. */
function writeNamed(pipeline: Pipeline, places: Places, id: string, fields: JsonObject): void {
  const { name, ...others } = fields;
  const former = places.get(id)?.name ?? "";
  writeFields(pipeline.roots.steps, id, others);
  if (typeof name !== "string") return;
  if (former !== "" && former !== name) renameReferences(pipeline, placesOf(pipeline.roots.steps), id, name);
  writeFields(pipeline.roots.steps, id, { name });
}

const NOWHERE = placeAt(null, MAIN_SLOT, "", "");

function wantedPlace(present: Place = NOWHERE, fields: JsonObject): Place {
  const parent = "parent_step_id" in fields ? fields["parent_step_id"] : present.parent;
  const slot = "slot" in fields ? fields["slot"] : present.slot;
  const name = "name" in fields ? String(fields["name"]) : present.name;
  return placeAt(typeof parent === "string" ? parent : null, textOr(slot, MAIN_SLOT), present.order, name);
}

/** Refuse a new place that is impossible. One that stays is never refused: somebody may have written it. */
function checkPlace(places: Places, id: string, place: Place): void {
  const present = places.get(id);
  const { parent, slot, name } = place;
  if (parent !== null && present?.parent !== parent) {
    if (!places.has(parent)) throw unknown("step", parent, "parent_step_id");
    if (insideOf(places, [id]).includes(parent)) {
      const message = `the step ${parent} is the step itself or inside it`;
      throw new Refused("edit_conflict", message, "parent_step_id");
    }
  }
  if (present && present.parent === parent && present.slot === slot && present.name === name) return;
  const other = lineOf(places, parent, slot).find((key) => key !== id && places.get(key)?.name === name);
  if (other !== undefined) {
    throw new Refused("edit_conflict", `the step ${other} beside it has the name ${shown(name)}`, "name");
  }
}

/** Return the orders to write, by step, so that a step stands in the wanted place. */
function ordersOf(
  places: Places,
  id: string,
  { parent, slot }: Place,
  before: string | null | undefined,
  isGiven: boolean,
): Map<string, string> {
  const present = places.get(id);
  const stays = present?.parent === parent && present.slot === slot;
  if (before === undefined && (stays || isGiven)) return new Map();
  const all = lineOf(places, parent, slot);
  const line = all.filter((key) => key !== id);
  const right = before ?? null;
  if (right !== null && !line.includes(right)) {
    throw new Refused("unknown_entry", `no step ${shown(right)} in that slot: check the id`, "before");
  }
  const at = right === null ? line.length : line.indexOf(right);
  if (stays && all.indexOf(id) === at) return new Map();
  return ordersFor([id], line.map((key) => [key, places.get(key)?.order ?? ""]), right);
}

export function writeFields(steps: Y.Map<unknown>, id: string, fields: JsonObject): void {
  const step = asMap(steps, id);
  for (const [field, value] of Object.entries(fields)) {
    if (value !== null || step.has(field)) writeEntry(step, field, value, STEP_SHAPE);
  }
}

const PORTS = ["from_step_id", "to_step_id", "from_output", "to_input"] as const;

/** The ends of a connection as they were written. */
const endsOf = (wire: unknown): string[] => endsIn(fieldOf(wire, "ends"));

const endsIn = (ends: Json): string[] =>
  PORTS.map((port) => textOr(isObject(ends) ? member(ends, port) : null, textOr(CONNECTION[port].default, "")));

export function writeConnection(pipeline: Pipeline, id: string, wanted: JsonObject): void {
  const { connections } = pipeline.roots;
  const ends = endsIn(wanted);
  checkEnds(pipeline, id, ends);
  const wire = asMap(connections, id);
  writeEntry(wire, "ends", Object.fromEntries(PORTS.map((port, at) => [port, ends[at] ?? ""])), CONNECTION_SHAPE);
  for (const [name, { plain }] of Object.entries(CONNECTION)) {
    if (plain) writeEntry(wire, name, member(wanted, name), CONNECTION_SHAPE);
  }
}

/** Refuse new ends that are impossible, as with the place of a step. */
function checkEnds({ roots: { steps, connections } }: Pipeline, id: string, ends: readonly string[]): void {
  const key = JSON.stringify(ends);
  if (isEntry(connections.get(id)) && JSON.stringify(endsOf(connections.get(id))) === key) return;
  for (const [at, end] of ends.slice(0, 2).entries()) {
    if (!isEntry(steps.get(end))) throw unknown("step", end, PORTS[at] ?? null);
  }
  for (const [other, wire] of connections.entries()) {
    if (other !== id && isEntry(wire) && JSON.stringify(endsOf(wire)) === key) {
      throw new Refused("edit_conflict", `the connection ${other} has the same ends already`);
    }
  }
}
