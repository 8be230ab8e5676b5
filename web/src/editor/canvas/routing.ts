/**
 * The ways of edges: orthogonal, out at the bottom and in at the top, around what stands between. Edges into
 * one port share their last bend, so they share a trunk; steps at one height are joined straight.
 */
import { type Box, contains, overlap, type Point, PORT } from "./measures";

export interface Route {
  readonly points: readonly Point[];
  /** Where it leaves and arrives: at a port, or at a side. */
  readonly isFromPort: boolean;
  readonly isToPort: boolean;
  readonly bounds: Box;
}

/** How far before a port an edge bends: half of the gap between rows. */
const BEND = 22;
const CLEARANCE = 4;
/** How far beside a step an edge passes: in the middle of a gap, else close to it. */
const BESIDE = [28, 8];
const NEAREST = 40;

const COLLISION = 1e5;
const CORNER = 24;
const CLOSE_BY = 100;

interface Way {
  readonly points: readonly Point[];
  /** What speaks against it beside its length. */
  readonly penalty?: number;
  readonly isFromPort: boolean;
  readonly isToPort: boolean;
}

export interface RouteOptions {
  /** Whether the straight way back is taken by the one forth: then it stays beside the steps. */
  readonly isTaken?: boolean;
  /** The container that holds both, which no way leaves without need. */
  readonly inside?: Box | null;
}

/**
 * The best way from a step to another; `obstacles` are the steps beside them, without what these are in.
 */
export function routeBetween(source: Box, target: Box, obstacles: readonly Box[], { isTaken = false, inside = null }: RouteOptions = {}): Route {
  const ways = isTaken ? around(source, target) : waysBetween(source, target, obstacles);
  const [first, ...others] = ways.map((way) => ({ ...way, points: tidied(way.points) }));
  const total = ({ points, penalty = 0 }: Way, most?: number): number => costOf(points, obstacles, most) + outside(points, inside) + penalty;
  let best = first as Way;
  let least = total(best);
  for (const way of others) {
    const cost = total(way, least);
    if (cost < least) [best, least] = [way, cost];
  }
  const { points, isFromPort, isToPort } = best;
  return { points, isFromPort, isToPort, bounds: boundsOf(points) };
}

const middleX = ({ x, width }: Box): number => x + width / 2;
const middleY = ({ y, height }: Box): number => y + height / 2;
const bottomOf = ({ y, height }: Box): number => y + height;
const rightOf = ({ x, width }: Box): number => x + width;

function waysBetween(source: Box, target: Box, obstacles: readonly Box[]): Way[] {
  const isBeside = rightOf(source) + 2 * PORT <= target.x || rightOf(target) + 2 * PORT <= source.x;
  const sideways = isBeside ? [across(source, target)] : [];
  if (isBeside && Math.abs(middleY(source) - middleY(target)) < 0.5 && costOf(sideways[0]?.points ?? [], obstacles) < COLLISION) {
    return sideways;
  }
  const gap = target.y - bottomOf(source);
  if (gap >= 4 * PORT) return waysDown(source, target, obstacles, gap);
  if (isBeside && gap > -(source.height + target.height)) return [...sideways, ...around(source, target)];
  return [...waysUp(source, target), ...sideways, ...around(source, target)];
}

/** From the side of one to the facing side of the other. */
function across(source: Box, target: Box): Way {
  const isRight = middleX(source) < middleX(target);
  const from = { x: isRight ? rightOf(source) : source.x, y: middleY(source) };
  const to = { x: isRight ? target.x : rightOf(target), y: middleY(target) };
  const x = (from.x + to.x) / 2;
  return { points: [from, { x, y: from.y }, { x, y: to.y }, to], isFromPort: false, isToPort: false };
}

function waysDown(source: Box, target: Box, obstacles: readonly Box[], gap: number): Way[] {
  const from = { x: middleX(source), y: bottomOf(source) };
  const to = { x: middleX(target), y: target.y - PORT };
  const bend = Math.min(BEND, gap / 2);
  const [high, low] = [bottomOf(source) + bend, target.y - bend];
  const way = (...between: readonly Point[]): Way => ({ points: [from, ...between, to], isFromPort: true, isToPort: true });
  const bent = (y: number): Way => way({ x: from.x, y }, { x: to.x, y });
  const direct = [bent(low), bent(high)];
  if (direct.some(({ points }) => costOf(points, obstacles) < COLLISION)) return direct;
  const detour = (x: number): Way => way({ x: from.x, y: high }, { x, y: high }, { x, y: low }, { x: to.x, y: low });
  const between = obstacles.filter((box) => box.y < low && bottomOf(box) > high);
  const detours = BESIDE.map((by, at) => channels(between, by, (from.x + to.x) / 2).map((x) => ({ ...detour(x), penalty: at * CLOSE_BY })));
  return [...direct, ...detours.flat()];
}

/** The lines beside boxes that may be free for an edge, the nearest first. */
function channels(boxes: readonly Box[], by: number, x: number): number[] {
  const found = boxes.flatMap((box) => [box.x - by, rightOf(box) + by]);
  return [...new Set(found)].sort((a, b) => Math.abs(a - x) - Math.abs(b - x)).slice(0, NEAREST);
}

/** Straight up, where one stands right above the other. */
function waysUp(source: Box, target: Box): Way[] {
  const isAbove = Math.abs(middleX(source) - middleX(target)) < 0.5 && source.y - bottomOf(target) >= 4 * PORT;
  if (!isAbove) return [];
  const x = middleX(source);
  return [{ points: [{ x, y: source.y }, { x, y: bottomOf(target) }], isFromPort: false, isToPort: false }];
}

/** Beside both, on the left or on the right. */
function around(source: Box, target: Box): Way[] {
  const [left, right] = [Math.min(source.x, target.x) - 12, Math.max(rightOf(source), rightOf(target)) + 12];
  const way = (x: number, edge: (box: Box) => number): Way => {
    const [from, to] = [source, target].map((box) => ({ x: edge(box), y: middleY(box) })) as [Point, Point];
    return { points: [from, { x, y: from.y }, { x, y: to.y }, to], isFromPort: false, isToPort: false };
  };
  return [way(left, ({ x }) => x), way(right, rightOf)];
}

/** Without points that lie on a straight line between others. */
function tidied(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  for (const [at, point] of points.entries()) {
    const [before, after] = [kept.at(-1), points[at + 1]];
    const isSame = before !== undefined && before.x === point.x && before.y === point.y;
    const isBetween = before !== undefined && after !== undefined &&
      ((before.x === point.x && point.x === after.x) || (before.y === point.y && point.y === after.y));
    if (!isBetween && !(isSame && after !== undefined)) kept.push(point);
  }
  return kept;
}

/** Length, corners, and most of all what it runs into; beyond `most` it may be less than all of it. */
function costOf(points: readonly Point[], obstacles: readonly Box[], most = Infinity): number {
  let cost = CORNER * points.length;
  for (let at = 1; at < points.length && cost <= most; at++) {
    const [a, b] = [points[at - 1] as Point, points[at] as Point];
    const segment = boundsOf([a, b]);
    cost += segment.width + segment.height;
    for (const box of obstacles) if (overlap(segment, box, CLEARANCE)) cost += COLLISION;
  }
  return cost;
}

const outside = (points: readonly Point[], box: Box | null): number =>
  box === null || points.every((point) => contains(box, point)) ? 0 : COLLISION / 2;

function boundsOf(points: readonly Point[]): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** The points as a path of SVG, its corners rounded. */
export function pathOf(points: readonly Point[], radius: number): string {
  const [start, ...rest] = points;
  if (start === undefined) return "";
  const parts = [`M${start.x} ${start.y}`];
  for (const [at, point] of rest.entries()) {
    const [before, after] = [points[at] as Point, rest[at + 1]];
    if (after === undefined) parts.push(`L${point.x} ${point.y}`);
    else {
      const size = Math.min(radius, distance(before, point) / 2, distance(point, after) / 2);
      const [into, out] = [toward(point, before, size), toward(point, after, size)];
      parts.push(`L${into.x} ${into.y}Q${point.x} ${point.y} ${out.x} ${out.y}`);
    }
  }
  return parts.join("");
}

const distance = (a: Point, b: Point): number => Math.abs(a.x - b.x) + Math.abs(a.y - b.y);

const toward = (from: Point, to: Point, by: number): Point => ({
  x: from.x + Math.sign(to.x - from.x) * by,
  y: from.y + Math.sign(to.y - from.y) * by,
});

/** Where a label of a size stands on a way without covering a step: in the middle of the longest part that is free. */
export function labelPlace(points: readonly Point[], width: number, height: number, boxes: readonly Box[]): Point {
  const parts = points.slice(1).map((point, at) => {
    const before = points[at] as Point;
    return { x: (before.x + point.x) / 2, y: (before.y + point.y) / 2, length: distance(before, point) };
  });
  parts.sort((a, b) => b.length - a.length);
  const isFree = ({ x, y }: Point): boolean => {
    const label = { x: x - width / 2, y: y - height / 2, width, height };
    return !boxes.some((box) => overlap(label, box, 1));
  };
  // At one height the gap is narrow: above it there is room between the rows.
  const spots = [...parts, ...parts.map(({ x, y }) => ({ x, y: y - 42 }))];
  const { x, y } = spots.find(isFree) ?? parts[0] ?? { x: 0, y: 0 };
  return { x, y };
}

/** The same for the way back beside steps: inside of it, below the first step. */
export function returnLabelPlace(points: readonly Point[], width: number, target: Box): Point {
  const [, corner] = points;
  if (points.length < 4 || corner === undefined) return labelPlace(points, width, 0, []);
  const isLeft = corner.x < target.x;
  return { x: corner.x + (isLeft ? 1 : -1) * (width / 2 - 8), y: bottomOf(target) + BEND };
}
