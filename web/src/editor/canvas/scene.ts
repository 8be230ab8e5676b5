/**
 * Where steps stand: containers grow around what is in them, lanes follow from the steps of each slot,
 * and every step has a rectangle of the canvas. It follows from types, places and positions alone, so
 * everybody sees the same; the sizes that the document has of containers play no part.
 */
import { type Box, GAP_X, GAP_Y, HEAD, LANE_HEAD, NODE_HEIGHT, NODE_WIDTH, onGrid, PADDING, type Point, type Size } from "./measures";
import { own } from "../../own";

/** What of a step decides where it stands; `position` is relative to the corner of its parent. */
export interface Item {
  readonly id: string;
  readonly type: string;
  readonly parent: string | null;
  readonly slot: string;
  readonly position: Point;
}

/** One slot of a container as a part of it, relative to its corner. */
export interface Lane {
  readonly slot: string;
  readonly left: number;
  readonly right: number;
  /** Where its first column begins, and where its last step ends. */
  readonly x: number;
  readonly end: number;
  readonly count: number;
}

export interface Frame extends Size {
  /** Where the first row stands. */
  readonly top: number;
  readonly lanes: readonly Lane[];
  /** Whether lanes are drawn with their names: unless there is the main one alone. */
  readonly isSplit: boolean;
  readonly count: number;
  readonly isFolded: boolean;
}

/** A lane without steps, which nobody but this window shows. */
export interface WaitingLane {
  readonly slot: string;
  readonly x: number | null;
}

export interface SceneOptions {
  readonly folded?: ReadonlySet<string> | undefined;
  readonly waiting?: ReadonlyMap<string, readonly WaitingLane[]> | undefined;
  /** Steps that are dragged out of their containers, with the places that these keep for them. */
  readonly floating?: ReadonlyMap<string, Point> | undefined;
  /** No container gets smaller than here: during a drag nothing shrinks under the pointer. */
  readonly least?: ReadonlyMap<string, Size> | undefined;
  /** What has not changed since stays the same object. */
  readonly former?: Scene | undefined;
}

export interface Scene {
  /** By the parent's id, in their order. */
  readonly children: ReadonlyMap<string | null, readonly Item[]>;
  readonly items: ReadonlyMap<string, Item>;
  /** Of each container. */
  readonly frames: ReadonlyMap<string, Frame>;
  /** Of each step that is shown, from the corner of the canvas. */
  readonly boxes: ReadonlyMap<string, Box>;
  /** The steps in folded containers, with the outermost folded one. */
  readonly hidden: ReadonlyMap<string, string>;
}

const MAIN_SLOT = "steps";

/** Types that hold steps even while there are none. */
const PARENTS: ReadonlySet<string> = new Set(["for_loop", "while_loop", "switch"]);
const INLINE = ["pipeline.steps", "pipeline.workflow.steps"];

/** The slot that a step goes to where a container has several or none. */
export const mainSlotOf = (type: string): string => own({ switch: "default", pipeline: "pipeline.steps" }, type) ?? MAIN_SLOT;

export const isMain = (slot: string): boolean => slot === MAIN_SLOT || INLINE.includes(slot);

export const isContainer = (type: string, hasSteps: boolean): boolean => hasSteps || PARENTS.has(type);

/** `items` come in reading order, parents before what is in them. */
export function sceneOf(items: readonly Item[], options: SceneOptions = {}): Scene {
  const children = new Map<string | null, Item[]>();
  for (const item of items) {
    const line = children.get(item.parent);
    if (line) line.push(item);
    else children.set(item.parent, [item]);
  }
  const frames = new Map<string, Frame>();
  for (let at = items.length - 1; at >= 0; at--) {
    const item = items[at] as Item;
    const inside = children.get(item.id) ?? [];
    if (isContainer(item.type, inside.length > 0)) frames.set(item.id, frameOf(item, inside, frames, options));
  }
  const { boxes, hidden } = placed(items, frames, options.former);
  return { children, items: new Map(items.map((item) => [item.id, item])), frames, boxes, hidden };
}

/**
 * The scene after some steps have moved within their lists and nothing else has changed: what is in a thousand others
 * is not walked, since a drag moves a step with each frame.
 */
export function sceneAfterMoves(former: Scene, moved: readonly Item[], options: SceneOptions = {}): Scene {
  if (moved.length === 0) return former;
  const items = new Map(former.items);
  for (const item of moved) items.set(item.id, item);
  const children = new Map(former.children);
  for (const parent of new Set(moved.map((item) => item.parent))) {
    children.set(parent, (children.get(parent) ?? []).map(({ id }) => items.get(id) as Item));
  }
  const around = ancestorsOf(items, moved);
  const frames = new Map(former.frames);
  for (const item of around) frames.set(item.id, frameOf(item, children.get(item.id) ?? [], frames, options));
  const boxes = new Map(former.boxes);
  for (const item of [...around].reverse()) if (frames.get(item.id) !== former.frames.get(item.id)) place(item, boxes, frames, former);
  const moving = [...moved];
  for (const item of moving) {
    if (!place(item, boxes, frames, former)) continue;
    moving.push(...(children.get(item.id) ?? []));
  }
  return { children, items, frames, boxes, hidden: former.hidden };
}

/** All containers around some steps, each before those around it. */
function ancestorsOf(items: ReadonlyMap<string, Item>, moved: readonly Item[]): Item[] {
  const depths = new Map<Item, number>();
  const depthOf = (item: Item): number => {
    const parent = item.parent === null ? undefined : items.get(item.parent);
    if (parent === undefined) return 0;
    const depth = depths.get(parent) ?? depthOf(parent);
    depths.set(parent, depth);
    return depth + 1;
  };
  moved.forEach(depthOf);
  return [...depths].sort(([, a], [, b]) => b - a).map(([item]) => item);
}

const NODE: Size = { width: NODE_WIDTH, height: NODE_HEIGHT };

function placed(items: readonly Item[], frames: ReadonlyMap<string, Frame>, former?: Scene): Pick<Scene, "boxes" | "hidden"> {
  const boxes = new Map<string, Box>();
  const hidden = new Map<string, string>();
  for (const item of items) {
    const { id, parent } = item;
    const within = parent === null ? undefined : (hidden.get(parent) ?? (frames.get(parent)?.isFolded ? parent : undefined));
    if (within !== undefined) hidden.set(id, within);
    place(item, boxes, frames, former);
  }
  return { boxes, hidden };
}

/** Note the box of a step; returns whether it is another one than before. */
function place({ id, parent, position }: Item, boxes: Map<string, Box>, frames: ReadonlyMap<string, Frame>, former?: Scene): boolean {
  const corner = parent === null ? undefined : boxes.get(parent);
  const { width, height } = frames.get(id) ?? NODE;
  const box = { x: position.x + (corner?.x ?? 0), y: position.y + (corner?.y ?? 0), width, height };
  const known = former?.boxes.get(id);
  const isKnown = known !== undefined && isSameBox(known, box);
  boxes.set(id, isKnown ? known : box);
  return !isKnown;
}

export const isSameBox = (a: Box, b: Box): boolean => a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

function frameOf(item: Item, inside: readonly Item[], frames: ReadonlyMap<string, Frame>, options: SceneOptions): Frame {
  const { floating, waiting, least, folded, former } = options;
  const slots = contentsOf(inside, frames, floating);
  const isSplit = item.type === "switch" || [...slots.keys()].some((slot) => !isMain(slot));
  const top = HEAD + (isSplit ? LANE_HEAD : PADDING);
  const lanes = lanesOf(item.type, slots, waiting?.get(item.id) ?? [], top);
  const last = lanes.at(-1);
  const bottom = Math.max(top + NODE_HEIGHT, ...lanes.map(({ end }) => end));
  const width = Math.max(last?.right ?? 0, least?.get(item.id)?.width ?? 0);
  const isFolded = folded?.has(item.id) ?? false;
  const height = isFolded ? HEAD : Math.max(bottom + PADDING, least?.get(item.id)?.height ?? 0);
  const stretched = lanes.map((lane) => (lane === last ? { ...lane, right: width } : lane));
  const frame: Frame = { width, height, top, lanes: stretched, isSplit, count: inside.length, isFolded };
  const known = former?.frames.get(item.id);
  return known && isSameFrame(known, frame) ? known : frame;
}

interface Content {
  left: number;
  right: number;
  end: number;
  count: number;
}

/** What the steps of each slot take. */
function contentsOf(inside: readonly Item[], frames: ReadonlyMap<string, Frame>, floating?: ReadonlyMap<string, Point>): Map<string, Content> {
  const slots = new Map<string, Content>();
  for (const { id, slot, position } of inside) {
    const content = slots.get(slot) ?? { left: Infinity, right: -Infinity, end: -Infinity, count: 0 };
    slots.set(slot, content);
    const { x, y } = floating?.get(id) ?? position;
    const { width, height } = frames.get(id) ?? NODE;
    content.left = Math.min(content.left, x);
    content.right = Math.max(content.right, x + width);
    content.end = Math.max(content.end, y + height);
    content.count++;
  }
  return slots;
}

const LAST = ["default", "on_not_found", "error_handler", "on_error"];

/** What runs otherwise or after an error stands behind the rest. */
export const slotRank = (slot: string): number => LAST.indexOf(slot);

/** The lanes from left to right: those with steps where these stand, the others in the gaps or behind. */
function lanesOf(type: string, slots: ReadonlyMap<string, Content>, waiting: readonly WaitingLane[], top: number): Lane[] {
  const filled = [...slots].map(([slot, content]) => ({ slot, ...content }));
  const empty = waiting.filter(({ slot }) => !slots.has(slot));
  const isWanted = filled.length + empty.length === 0 || (type === "switch" && !slots.has("default"));
  const main = isWanted ? [{ slot: mainSlotOf(type), x: null }] : [];
  const found = [...filled, ...[...empty, ...main].map(({ slot, x }) => {
    const left = x ?? Infinity;
    return { slot, left, right: left + NODE_WIDTH, end: top, count: 0 };
  })];
  found.sort((a, b) => (a.left === b.left ? slotRank(a.slot) - slotRank(b.slot) : a.left - b.left));
  return spread(found, top);
}

function spread(found: readonly (Content & { readonly slot: string })[], top: number): Lane[] {
  const lanes: Lane[] = [];
  let edge = 0;
  let column = PADDING;
  for (const [at, { slot, left, right, end, count }] of found.entries()) {
    const x = Number.isFinite(left) ? left : column;
    const until = Math.max(Number.isFinite(right) ? right : x, x + NODE_WIDTH);
    const next = found[at + 1]?.left;
    const isLast = at === found.length - 1;
    const follows = next === undefined || !Number.isFinite(next) ? until + GAP_X : Math.max(next, until);
    const border = isLast ? until + PADDING : Math.round((until + follows) / 2);
    lanes.push({ slot, left: edge, right: Math.max(border, edge + NODE_WIDTH), x, end: Math.max(end, top), count });
    edge = lanes.at(-1)?.right ?? 0;
    column = Math.max(until + GAP_X, column);
  }
  return lanes;
}

const isSameLane = (a: Lane, b: Lane | undefined): boolean =>
  b !== undefined && a.slot === b.slot && a.left === b.left && a.right === b.right && a.x === b.x && a.end === b.end && a.count === b.count;

const isSameFrame = (a: Frame, b: Frame): boolean =>
  a.width === b.width && a.height === b.height && a.top === b.top && a.isSplit === b.isSplit && a.count === b.count &&
  a.isFolded === b.isFolded && a.lanes.length === b.lanes.length && a.lanes.every((lane, at) => isSameLane(lane, b.lanes[at]));

/** The lane of a container at a distance from its left edge. */
export const laneAt = (frame: Frame, x: number): Lane | undefined =>
  frame.lanes.find(({ right }) => x < right) ?? frame.lanes.at(-1);

/** Where the next step of a lane goes, relative to the container's corner. */
export function nextIn(frame: Frame, lane: Lane): Point {
  const y = lane.end <= frame.top ? frame.top : onGrid(lane.end + GAP_Y);
  return { x: lane.x, y };
}

/** Whether a lane has room for one more step without growing. */
export const hasRoom = (frame: Frame, lane: Lane): boolean => nextIn(frame, lane).y + NODE_HEIGHT <= frame.height - PADDING;

/** The nearest place for a step within its container, or within its lane. */
export function within(frame: Frame, lane: Lane, { x, y }: Point, { width }: Size): Point {
  const top = Math.max(frame.top, y);
  if (!frame.isSplit) return { x: Math.max(PADDING, x), y: top };
  const isFirst = lane === frame.lanes[0];
  const isLast = lane === frame.lanes.at(-1);
  const least = isFirst ? PADDING : lane.left + GAP_X / 2;
  if (isLast) return { x: Math.max(least, x), y: top };
  return { x: Math.max(least, Math.min(x, lane.right - GAP_X / 2 - width)), y: top };
}
