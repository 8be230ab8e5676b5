/**
 * Where a step lands in a list, and who makes room for it: steps below it move down, lanes beside it to the
 * right, and what a container grows over moves on, up to the canvas. Nothing else moves.
 */
import type { Target } from "./canvasState";
import { type Box, GAP_X, GAP_Y, GRID, NODE_HEIGHT, NODE_WIDTH, onGrid, overlap, PADDING, type Point, type Size, snapped } from "./measures";
import { type Frame, type Item, type Lane, nextIn, type Scene, sceneOf, slotRank, within } from "./scene";

export type Moves = Readonly<Record<string, Point>>;

export interface Landing {
  /** Relative to the corner of the container. */
  readonly position: Point;
  /** The step before which it comes in the list, null for the end. */
  readonly before: string | null;
  readonly moves: Moves;
}

/** Nearer than this to each other, steps are taken to be in each other's way. */
const CLOSE = 12;

/**
 * Land a step of a size in a list. `wanted` is relative to the container's corner, null for the end of the list;
 * `moving` are the steps that are on their way themselves.
 */
export function landingIn(scene: Scene, target: Target, size: Size, wanted: Point | null, moving: ReadonlySet<string> = new Set()): Landing {
  const siblings = (scene.children.get(target.parent) ?? []).filter(({ id, slot }) => slot === target.slot && !moving.has(id));
  const frame = target.parent === null ? undefined : scene.frames.get(target.parent);
  if (frame === undefined) {
    const position = wanted ?? { x: 0, y: 0 };
    return { position, before: nextBelow(siblings, position.y), moves: {} };
  }
  const lane = frame.lanes.find(({ slot }) => slot === target.slot) ?? newLane(frame, target.slot);
  const { x, y } = within(frame, lane, inColumn(siblings, wanted ?? nextIn(frame, lane)), size);
  const down = madeRoom(scene, siblings, { x, y, ...size });
  const aside = frame.lanes.includes(lane) ? widened(scene, target.parent, frame, lane, x + size.width, moving) : pushedOn(scene, target.parent, lane, size, moving);
  return { position: { x, y: down.y }, before: nextBelow(siblings.map((item) => ({ ...item, position: down.moves[item.id] ?? item.position })), down.y), moves: { ...aside, ...down.moves } };
}

/** In the column of a step in the list, if it is close to one. */
function inColumn(siblings: readonly Item[], { x, y }: Point): Point {
  const near = siblings.map(({ position }) => position.x).sort((a, b) => Math.abs(a - x) - Math.abs(b - x))[0];
  return { x: near !== undefined && Math.abs(near - x) <= 2 * GRID ? near : x, y };
}

/** Behind all that hold steps, since those without any stand nowhere in the document; but before what runs otherwise. */
function newLane({ lanes, width, top }: Frame, slot: string): Lane {
  const last = slotRank(slot) < 0 ? lanes.find((lane) => lane.count > 0 && slotRank(lane.slot) >= 0) : undefined;
  if (last !== undefined) return { slot, left: last.x - GAP_X / 2, right: last.x + NODE_WIDTH + GAP_X / 2, x: last.x, end: top, count: 0 };
  const isFirst = lanes.every(({ count }) => count === 0);
  const left = isFirst ? PADDING - GAP_X / 2 : width;
  return { slot, left, right: left + NODE_WIDTH + GAP_X, x: isFirst ? PADDING : width - PADDING + GAP_X, end: top, count: 0 };
}

/** The first of the steps at the end of a list that all stand lower: where steps stand across each other, the end. */
function nextBelow(siblings: readonly Item[], y: number): string | null {
  let before: string | null = null;
  for (const { id, position } of [...siblings].reverse()) {
    if (position.y <= y) break;
    before = id;
  }
  return before;
}

function madeRoom({ boxes, frames }: Scene, siblings: readonly Item[], box: Box): { readonly y: number; readonly moves: Moves } {
  const standing = siblings.map(({ id, position }) => {
    const { width, height } = frames.get(id) ?? boxes.get(id) ?? { width: NODE_WIDTH, height: NODE_HEIGHT };
    return { id, ...position, width, height };
  });
  const column = standing.filter((each) => each.x < box.x + box.width && box.x < each.x + each.width);
  const center = box.y + box.height / 2;
  const isAbove = (each: Box): boolean => each.y + each.height / 2 <= center;
  const above = column.filter((each) => isAbove(each) && overlap(each, box, GAP_Y - 1));
  const y = Math.max(box.y, ...above.map((each) => onGrid(each.y + each.height + GAP_Y)));
  const below = column.filter((each) => !isAbove(each));
  const first = Math.min(...below.map((each) => each.y));
  if (first >= y + box.height + GAP_Y) return { y, moves: {} };
  const by = onGrid(y + box.height + GAP_Y - first);
  return { y, moves: Object.fromEntries(below.map((each) => [each.id, { x: each.x, y: each.y + by }])) };
}

/** A new lane takes the place of those behind it, which move on by its width. */
function pushedOn(scene: Scene, parent: string | null, lane: Lane, { width }: Size, moving: ReadonlySet<string>): Moves {
  const behind = (scene.children.get(parent) ?? []).filter(({ id, position }) => position.x >= lane.x && !moving.has(id));
  return Object.fromEntries(behind.map(({ id, position }) => [id, { x: position.x + onGrid(width + GAP_X), y: position.y }]));
}

/** The steps of the lanes to the right make room for what is wider than its lane. */
function widened(scene: Scene, parent: string | null, frame: Frame, lane: Lane, right: number, moving: ReadonlySet<string>): Moves {
  const by = onGrid(right - (lane.right - GAP_X / 2));
  if (!frame.isSplit || lane === frame.lanes.at(-1) || by <= 0) return {};
  const others = (scene.children.get(parent) ?? []).filter(({ id, position }) => position.x >= lane.right && !moving.has(id));
  return Object.fromEntries(others.map(({ id, position }) => [id, { x: position.x + by, y: position.y }]));
}

/**
 * What moves on where containers have grown: `items` are the steps as they are now, `parents` the containers whose
 * steps have changed. What stands below a container goes down with its lower edge, what stands beside it with
 * its right one, as far as that runs into something.
 */
export function settled(before: Scene, items: readonly Item[], parents: Iterable<string | null>): Moves {
  const moves: Record<string, Point> = {};
  const now = new Map(items.map((item) => [item.id, item]));
  const pending = [...parents];
  for (let id = pending.shift(); id !== undefined; id = pending.shift()) {
    const item = id === null ? undefined : now.get(id);
    if (item === undefined) continue;
    const scene = sceneOf([...now.values()]);
    for (const [other, position] of Object.entries(pushed(before, scene, item))) {
      moves[other] = position;
      now.set(other, { ...(now.get(other) as Item), position });
    }
    pending.push(item.parent);
  }
  return moves;
}

function pushed(before: Scene, { children, boxes, frames }: Scene, item: Item): Record<string, Point> {
  const former = before.frames.get(item.id) ?? { width: NODE_WIDTH, height: NODE_HEIGHT };
  const frame = frames.get(item.id) ?? former;
  const { x, y } = item.position;
  const others = (children.get(item.parent) ?? []).filter(({ id }) => id !== item.id);
  const sized = others.map(({ id, slot, position }) => ({ id, slot, ...(boxes.get(id) as Box), ...position }));
  const isLane = item.parent !== null && (frames.get(item.parent)?.isSplit ?? false);
  const moves: Record<string, Point> = {};
  const grown = { x, y, width: frame.width, height: frame.height };
  const lower = sized.filter((each) => each.y >= y + former.height - 1 && (!isLane || each.slot === item.slot));
  const hit = lower.filter((each) => overlap(each, { ...grown, height: grown.height + GAP_Y - 1 }));
  const down = hit.length === 0 ? 0 : onGrid(y + frame.height + GAP_Y - Math.min(...hit.map((each) => each.y)));
  for (const { id, x: left, y: top } of down > 0 ? lower : []) moves[id] = { x: left, y: top + Math.min(down, onGrid(frame.height - former.height)) };
  const beside = sized.filter((each) => each.x >= x + former.width - 1 && each.y < y + frame.height && y < each.y + each.height);
  const isHit = beside.some((each) => overlap(each, { ...grown, width: grown.width + PADDING / 2 }));
  const aside = isHit ? onGrid(frame.width - former.width) : 0;
  for (const { id, x: left, y: top } of aside > 0 ? beside : []) moves[id] = { x: left + aside, y: moves[id]?.y ?? top };
  return moves;
}

/** The nearest free place below a wanted one, on the grid. */
export function freePlace(boxes: Iterable<Box>, wanted: Point, size: Size): Point {
  const all = [...boxes];
  const at = { x: snapped(wanted.x), y: snapped(wanted.y), ...size };
  for (let blocker: Box | undefined; (blocker = all.find((box) => overlap(box, at, CLOSE))); ) at.y = onGrid(blocker.y + blocker.height + GAP_Y);
  return { x: at.x, y: at.y };
}
