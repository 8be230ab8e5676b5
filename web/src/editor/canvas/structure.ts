/** Adds steps to lists and moves them between lists, each as one edit with everything that makes room for it. */
import { addStep, casesOf, moveSteps, orderCases, type Outcome, paste, type Pasted, type Pipeline, placeStep } from "pipeloom-client";
import type { Copied, CopiedStep } from "../clipboard/clipText";
import type { Target } from "./canvasState";
import { type Box, GAP_X, NODE_HEIGHT, NODE_WIDTH, onGrid, type Point, type Size } from "./measures";
import { freePlace, landingIn, settled } from "./placing";
import { type Frame, type Item, type Lane, type Scene, sceneOf, slotRank } from "./scene";

/** The steps of the document as they stand there, nothing folded. */
export function documentScene(pipeline: Pipeline): Scene {
  return sceneOf(
    [...pipeline.steps().values()].map(({ id, type, parent_step_id: parent, slot, position }) => ({ id, type, parent, slot, position })),
  );
}

const PLAIN: Size = { width: NODE_WIDTH, height: NODE_HEIGHT };

/** What a new step of a type takes. */
export function sizeOfNew(type: string): Size {
  const frame = sceneOf([{ id: "new", type, parent: null, slot: "steps", position: { x: 0, y: 0 } }]).frames.get("new");
  return frame === undefined ? PLAIN : { width: frame.width, height: frame.height };
}

/**
 * Add a step to a list. `wanted` is its corner on the canvas; null puts it at the end of the list. With
 * `isExact` a step of the canvas stands just there, also above another.
 */
export function addTo(pipeline: Pipeline, type: string, target: Target, wanted: Point | null, isExact = false): Outcome<{ readonly id: string }> {
  const scene = documentScene(pipeline);
  const size = sizeOfNew(type);
  const at = target.parent === null && wanted !== null && !isExact ? freePlace(topBoxes(scene), wanted, size) : relative(scene, target, wanted);
  const { position, before, moves } = landingIn(scene, target, size, at);
  return inOne(pipeline, () => {
    const added = addStep(pipeline, { type, parent_step_id: target.parent, slot: target.slot, before, position, size });
    if (!added.ok) return added;
    rememberCase(pipeline, scene, target);
    const item: Item = { id: added.id, type, parent: target.parent, slot: target.slot, position };
    settle(pipeline, scene, [...moved(scene, moves), item], [target.parent], moves);
    return added;
  });
}

/** The rectangle that the outermost of copied steps take, as they stood. */
export function extentOf(steps: readonly CopiedStep[]): Box {
  const ids = new Set(steps.map(({ id }) => id));
  const items = steps.map((step) => itemOf(step, ids, null, "steps"));
  const { boxes, children } = sceneOf(inOrder(items));
  const outer = (children.get(null) ?? []).flatMap(({ id }) => boxes.get(id) ?? []);
  const [x, y] = [Math.min(...outer.map((box) => box.x)), Math.min(...outer.map((box) => box.y))];
  return { x, y, width: Math.max(...outer.map((box) => box.x + box.width)) - x, height: Math.max(...outer.map((box) => box.y + box.height)) - y };
}

function itemOf(step: CopiedStep, ids: ReadonlySet<string>, parent: string | null, slot: string): Item {
  const { id, type, position } = step;
  const isOuter = !ids.has(String(step["parent_step_id"]));
  return { id, type, position, parent: isOuter ? parent : String(step["parent_step_id"]), slot: isOuter ? slot : String(step["slot"]) };
}

/** Paste copied steps into a list, all as if they were one box; `wanted` is its corner on the canvas. */
export function pasteInto(pipeline: Pipeline, copied: Copied, target: Target, wanted: Point): Outcome<Pasted> {
  const scene = documentScene(pipeline);
  const extent = extentOf(copied.steps);
  const size = { width: extent.width, height: extent.height };
  const at = target.parent === null ? freePlace(topBoxes(scene), wanted, size) : relative(scene, target, wanted);
  const { position, before, moves } = landingIn(scene, target, size, at);
  const by = { x: position.x - extent.x, y: position.y - extent.y };
  return inOne(pipeline, () => {
    const pasted = paste(pipeline, copied, { ...target, before, by });
    if (!pasted.ok) return pasted;
    settle(pipeline, scene, [...moved(scene, moves), ...pastedItems(copied, pasted.steps, target, by)], [target.parent], moves);
    return pasted;
  });
}

function pastedItems({ steps }: Copied, fresh: Pasted["steps"], { parent, slot }: Target, by: Point): Item[] {
  const ids = new Set(steps.map(({ id }) => id));
  return steps.map((step) => {
    const item = itemOf(step, ids, parent, slot);
    const id = fresh[item.id] ?? item.id;
    const { x, y } = item.position;
    return ids.has(item.parent ?? "") ? { ...item, id, parent: fresh[item.parent ?? ""] ?? null } : { ...item, id, position: { x: x + by.x, y: y + by.y } };
  });
}

/** A step on its way to a list; `wanted` is its corner on the canvas. */
export interface Move {
  readonly id: string;
  readonly target: Target;
  readonly wanted: Point;
}

/** Move steps into lists, with all steps inside them; or none of them, if one cannot. */
export function placeIn(pipeline: Pipeline, moves: readonly Move[]): Outcome {
  const refusal = moves.map((move) => refusalOf(pipeline, move)).find((each) => each !== null);
  if (refusal) return { ok: false, refused: { code: "edit_conflict", field: "name", message: refusal } };
  const before = documentScene(pipeline);
  const moving = new Set(moves.map(({ id }) => id));
  return inOne(pipeline, () => {
    let scene = before;
    for (const { id, target, wanted } of moves) {
      const size = scene.frames.get(id) ?? PLAIN;
      const landing = landingIn(scene, target, size, relative(scene, target, wanted), moving);
      const placed = placeStep(pipeline, id, { ...target, before: landing.before, position: landing.position });
      if (!placed.ok) return placed;
      rememberCase(pipeline, before, target);
      moving.delete(id);
      const change = { ...target, position: landing.position };
      scene = sceneOf(inOrder(moved(scene, landing.moves).map((item) => (item.id === id ? { ...item, ...change } : item))));
      write(pipeline, landing.moves);
    }
    settle(pipeline, before, [...scene.items.values()], new Set(moves.map(({ target }) => target.parent)), {});
    return { ok: true };
  });
}

/** Why a step cannot stand in a list: two steps of one list need two names. */
function refusalOf(pipeline: Pipeline, { id, target }: Move): string | null {
  const steps = pipeline.steps();
  const name = steps.get(id)?.name;
  for (const other of steps.values()) {
    if (other.id !== id && other.parent_step_id === target.parent && other.slot === target.slot && other.name === name) {
      const where = target.parent === null ? "The canvas" : (steps.get(target.parent)?.name ?? "The container");
      return `${where} has a step named ${name} already: rename one first`;
    }
  }
  return null;
}

function inOne<T extends Outcome<object>>(pipeline: Pipeline, edit: () => T): T {
  return pipeline.doc.transact(edit, pipeline.origin);
}

/** A case that had no steps comes behind the others in the file, as it does on the canvas. */
function rememberCase(pipeline: Pipeline, { children }: Scene, { parent, slot }: Target): void {
  if (parent === null || !slot.startsWith("cases:") || children.get(parent)?.some((item) => item.slot === slot)) return;
  orderCases(pipeline, parent, [...casesOf(pipeline, parent).filter((each) => each !== slot), slot]);
}

/** Move a case of a switch by one place among the cases that have steps, on the canvas and in the file, as one edit. */
export function moveCase(pipeline: Pipeline, id: string, slot: string, by: -1 | 1): Outcome {
  const scene = documentScene(pipeline);
  const lanes = (scene.frames.get(id)?.lanes ?? []).filter(({ count }) => count > 0);
  const cases = lanes.filter((lane) => slotRank(lane.slot) < 0);
  const at = cases.findIndex((lane) => lane.slot === slot);
  const [moving, other] = [cases[at], cases[at + by]];
  if (moving === undefined || other === undefined) return { ok: true };
  [cases[at], cases[at + by]] = [other, moving];
  const moves = beside(scene, id, [...cases, ...lanes.filter((lane) => slotRank(lane.slot) >= 0)]);
  let outcome: Outcome = { ok: true };
  settleAfter(pipeline, moves, () => {
    outcome = orderCases(pipeline, id, cases.map((lane) => lane.slot));
    if (outcome.ok) outcome = moveSteps(pipeline, Object.fromEntries(moves.map((move) => [move.id, move.position])));
  });
  return outcome;
}

/** Where the steps of lanes stand if these come in an order, from where the first one begins now. */
function beside({ children, frames }: Scene, id: string, lanes: readonly Lane[]): { readonly id: string; readonly position: Point }[] {
  const inside = children.get(id) ?? [];
  let x = Math.min(...lanes.map((lane) => lane.x));
  return lanes.flatMap((lane) => {
    const items = inside.filter((item) => item.slot === lane.slot);
    const by = x - lane.x;
    x += onGrid(Math.max(...items.map((item) => item.position.x + widthOf(item, frames) - lane.x)) + GAP_X);
    return by === 0 ? [] : items.map((item) => ({ id: item.id, position: { x: item.position.x + by, y: item.position.y } }));
  });
}

const widthOf = ({ id }: Item, frames: ReadonlyMap<string, Frame>): number => frames.get(id)?.width ?? NODE_WIDTH;

function settle(pipeline: Pipeline, before: Scene, items: readonly Item[], parents: Iterable<string | null>, moves: Readonly<Record<string, Point>>): void {
  write(pipeline, { ...moves, ...settled(before, inOrder(items), parents) });
}

function write(pipeline: Pipeline, moves: Readonly<Record<string, Point>>): void {
  if (Object.keys(moves).length > 0) moveSteps(pipeline, moves);
}

const moved = ({ items }: Scene, moves: Readonly<Record<string, Point>>): Item[] =>
  [...items.values()].map((item) => ({ ...item, position: moves[item.id] ?? item.position }));

/** Parents before what is in them, as scenes need it. */
function inOrder(items: readonly Item[]): Item[] {
  const children = new Map<string | null, Item[]>();
  for (const item of items) {
    const line = children.get(item.parent);
    if (line) line.push(item);
    else children.set(item.parent, [item]);
  }
  const ordered = [...(children.get(null) ?? [])];
  for (const { id } of ordered) ordered.push(...(children.get(id) ?? []));
  return ordered;
}

const topBoxes = ({ children, boxes }: Scene) => (children.get(null) ?? []).flatMap(({ id }) => boxes.get(id) ?? []);

/** A point of the canvas from the corner of a container. */
function relative({ boxes }: Scene, { parent }: Target, point: Point | null): Point | null {
  const corner = parent === null ? undefined : boxes.get(parent);
  return point === null || corner === undefined ? point : { x: point.x - corner.x, y: point.y - corner.y };
}

/** Run an edit that moves steps within their lists, and let what their containers have grown over move on. */
export function settleAfter(pipeline: Pipeline, moves: readonly { readonly id: string; readonly position: Point }[], edit: () => void): void {
  const before = documentScene(pipeline);
  const to = new Map(moves.map(({ id, position }) => [id, position]));
  pipeline.doc.transact(() => {
    edit();
    const items = [...before.items.values()].map((item) => ({ ...item, position: to.get(item.id) ?? item.position }));
    const parents = new Set(moves.map(({ id }) => before.items.get(id)?.parent ?? null));
    settle(pipeline, before, items, parents, {});
  }, pipeline.origin);
}
