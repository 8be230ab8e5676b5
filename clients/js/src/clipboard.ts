/** Copies of steps: within a pipeline, between pipelines, and as text on the system's clipboard. */
import { freshName, namesIn } from "./names.js";
import type { Pipeline } from "./pipeline.js";
import { insideOf, lineOf, ordersFor, type Place, type Places, placeAt, placesOf } from "./places.js";
import { checked, checkRequired, type Outcome, Refused, unknown } from "./refusals.js";
import { namesByScope, rewrites, type Scope, scopeOf, visibleScopes } from "./renaming.js";
import { CONNECTION, MAIN_SLOT, STEP } from "./schema.js";
import { isObject, type Json, type JsonObject, member, push, read } from "./values.js";
import { defaultsOf, edit, type Point, type Target, writeConnection, writeFields } from "./verbs.js";
import { spliced } from "./writing.js";

/** Steps with everything in them and the connections between them; plain JSON. */
export interface Clip {
  readonly steps: readonly JsonObject[];
  readonly connections: readonly JsonObject[];
}

/** The new ids, by the id in the clip. */
export interface Pasted {
  readonly steps: Readonly<Record<string, string>>;
  readonly connections: Readonly<Record<string, string>>;
}

/** Copy steps, what is inside them, and the connections with both ends among these. */
export function copy(pipeline: Pipeline, ids: readonly string[]): Clip {
  const shown = pipeline.steps();
  const places = placesOf(pipeline.roots.steps);
  const copied = new Set(insideOf(places, ids).filter((id) => shown.has(id)));
  const inReadingOrder = [...shown.values()].filter(({ id }) => copied.has(id));
  const wires = [...pipeline.connections().values()].filter((wire) => {
    return copied.has(wire.from_step_id) && copied.has(wire.to_step_id);
  });
  return { steps: inReadingOrder.map((step) => ({ ...step })), connections: wires.map((wire) => ({ ...wire })) };
}

/**
 * Paste a clip: everything under fresh ids, the outermost steps under fresh names. Connections and
 * references between pasted steps lead to the pasted ones. `by` is added to the positions of the
 * outermost steps. A clip that is none, from whatever clipboard, is refused as a whole.
 */
export function paste(
  pipeline: Pipeline,
  clip: unknown,
  { parent = null, slot = MAIN_SLOT, before = null, by = { x: 0, y: 0 } }: Target & { readonly by?: Point } = {},
): Outcome<Pasted> {
  return edit(pipeline, () => {
    const places = placesOf(pipeline.roots.steps);
    if (parent !== null && !places.has(parent)) throw unknown("step", parent, "parent_step_id");
    const target = { ...placeAt(parent, slot, "", ""), before, by };
    const { steps, connections } = parsed(clip);
    const ids = new Map(steps.map((step) => [String(step["id"]), pipeline.newId()]));
    const fresh = renamed(steps, ids, namesIn(places, target.parent, target.slot));
    const orders = ordersIn(places, steps, ids, target);
    const refer = references(steps, ids, fresh);
    const made = steps.map((step) => remade({ ...step, config: refer(step) }, ids, fresh, target));
    const wires = connections.map((wire) => [String(wire["id"]), pipeline.newId(), joined(wire, ids)] as const);
    for (const [id, fields] of made) writeFields(pipeline.roots.steps, id, { ...defaultsOf(STEP), ...fields });
    for (const [id, order] of orders) writeFields(pipeline.roots.steps, id, { order });
    for (const [, id, fields] of wires) writeConnection(pipeline, id, { ...defaultsOf(CONNECTION), ...fields });
    return { steps: Object.fromEntries(ids), connections: Object.fromEntries(wires.map(([old, id]) => [old, id])) };
  });
}

/** Copy steps and paste them behind themselves, each into the list that it stands in. */
export function duplicate(pipeline: Pipeline, ids: readonly string[], by: Point = { x: 40, y: 40 }): Outcome<Pasted> {
  const [first] = ids;
  const step = first === undefined ? undefined : pipeline.steps().get(first);
  const parent = step?.parent_step_id ?? null;
  const slot = step?.slot ?? MAIN_SLOT;
  const line = lineOf(placesOf(pipeline.roots.steps), parent, slot);
  const last = ids.reduce((most, id) => Math.max(most, line.indexOf(id)), -1);
  const behind = line.slice(last + 1);
  return paste(pipeline, copy(pipeline, ids), { parent, slot, before: behind[0] ?? null, by });
}

type Placing = Required<Target> & { readonly by: Point };

const refused = (message: string): Refused => new Refused("invalid_edit", message, "clip");

/** Check a clip before anything is written. */
function parsed(clip: unknown): Clip {
  const value = read(clip);
  const list = (key: string): JsonObject[] => {
    const items = isObject(value) ? member(value, key) : null;
    if (!Array.isArray(items) || !items.every(isObject)) throw refused("expected steps and connections that were copied");
    return items;
  };
  const [steps, connections] = [list("steps"), list("connections")];
  const ids = steps.map((step) => step["id"]);
  if (steps.length === 0) throw refused("expected steps that were copied, got none");
  if (new Set(ids).size < ids.length) throw refused("two steps have one id");
  for (const step of steps) checkRequired(STEP, fieldsOf({ config: {}, ...step }, STEP));
  for (const wire of connections) checkRequired(CONNECTION, fieldsOf(wire, CONNECTION));
  return { steps, connections };
}

/** Those fields of an entry of a clip that a new one is given; refuse what does not fit. */
const fieldsOf = (entry: JsonObject, table: typeof STEP | typeof CONNECTION): JsonObject =>
  checked(table, Object.fromEntries(Object.entries(entry).filter(([name]) => name !== "order" && name in table)));

const isOuter = (step: JsonObject, ids: ReadonlyMap<string, string>): boolean =>
  !ids.has(String(step["parent_step_id"]));

/** The new names of the outermost steps, by the id in the clip. */
function renamed(
  steps: readonly JsonObject[],
  ids: ReadonlyMap<string, string>,
  taken: Set<string>,
): Map<string, string> {
  const names = new Map<string, string>();
  for (const step of steps) {
    if (!isOuter(step, ids)) continue;
    const name = freshName(taken, String(step["name"]));
    names.set(String(step["id"]), name);
    taken.add(name);
  }
  return names;
}

/** An order for each new step: the outermost ones stand together, the others as they stood. */
function ordersIn(
  places: Places,
  steps: readonly JsonObject[],
  ids: ReadonlyMap<string, string>,
  { parent, slot, before }: Placing,
): Map<string, string> {
  const lists = new Map<string, string[]>();
  for (const step of steps) {
    const list = isOuter(step, ids) ? "" : JSON.stringify([step["parent_step_id"], step["slot"]]);
    push(lists, list, ids.get(String(step["id"])) ?? "");
  }
  const line = lineOf(places, parent, slot);
  if (before !== null && !line.includes(before)) throw unknown("step in that slot", before, "before");
  const standing = line.map((key) => [key, places.get(key)?.order ?? ""] as const);
  const orders = [...lists].map(([list, fresh]) => (list === "" ? ordersFor(fresh, standing, before) : ordersFor(fresh, [], null)));
  return new Map(orders.flatMap((each) => [...each]));
}

function remade(
  step: JsonObject,
  ids: ReadonlyMap<string, string>,
  names: ReadonlyMap<string, string>,
  { parent, slot, by }: Placing,
): [string, JsonObject] {
  const id = String(step["id"]);
  const fields = { ...fieldsOf(step, STEP) };
  const inner = { ...fields, parent_step_id: ids.get(String(step["parent_step_id"])) ?? null };
  if (!isOuter(step, ids)) return [ids.get(id) ?? "", inner];
  const position = shifted(fields["position"] ?? STEP.position.default, by);
  const outer = { ...inner, name: names.get(id) ?? "", parent_step_id: parent, slot, position };
  return [ids.get(id) ?? "", outer];
}

function shifted(position: Json, by: Point): Json {
  const { x, y } = position as unknown as Point;
  return checked(STEP, { position: { x: x + by.x, y: y + by.y } })["position"] ?? null;
}

/** Return how a step's config reads when the names of other pasted steps in it are their new ones. */
function references(
  steps: readonly JsonObject[],
  ids: ReadonlyMap<string, string>,
  names: ReadonlyMap<string, string>,
): (step: JsonObject) => Json {
  const places = new Map(steps.map((step) => [String(step["id"]), placeIn(step, ids)]));
  const scopes = namesByScope(places);
  const placeOf = (key: string): Scope | undefined => scopeOf(places.get(key));
  return ({ id, type, config }) => {
    const changes = rewrites(String(type), (config ?? {}) as JsonObject, (mention) => {
      for (const scope of visibleScopes(String(id), mention.path, placeOf)) {
        const holder = scopes.get(JSON.stringify(scope))?.get(mention.name);
        if (holder !== undefined) return names.get(holder);
      }
      return undefined;
    });
    return changes.reduce<Json>((value, [path, splices]) => spliced(value, path, splices), config ?? {});
  };
}

const placeIn = (step: JsonObject, ids: ReadonlyMap<string, string>): Place => {
  const parent = isOuter(step, ids) ? null : String(step["parent_step_id"]);
  return placeAt(parent, String(step["slot"] ?? MAIN_SLOT), "", String(step["name"]));
};

function joined(wire: JsonObject, ids: ReadonlyMap<string, string>): JsonObject {
  const [from, to] = [ids.get(String(wire["from_step_id"])), ids.get(String(wire["to_step_id"]))];
  if (from === undefined || to === undefined) throw refused("a connection leads to a step that was not copied");
  return { ...fieldsOf(wire, CONNECTION), from_step_id: from, to_step_id: to };
}
