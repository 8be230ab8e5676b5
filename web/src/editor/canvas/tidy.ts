/**
 * Tidies steps: layers from top to bottom, in each the order that dagre finds for few crossings, each step as near as
 * can be to what feeds it, on the grid of the server's layout (`crdt/pipeline/layout.py`). Steps without any
 * connection keep their place in the order. Containers and lanes are tidied inside, too. It runs in a worker
 * (`tidyWorker.ts`), since dagre takes its time.
 */
import { Graph, layout } from "@dagrejs/dagre";
import type { Connection } from "pipeloom-client";
import { GAP_X, GAP_Y, GRID, HEAD, LANE_HEAD, NODE_HEIGHT, NODE_WIDTH, onGrid, PADDING, type Point, snapped } from "./measures";
import { type Item, mainSlotOf, type Scene, slotRank } from "./scene";

/** The cases of switches in the order of the file, by the switch's id. */
export type Cases = ReadonlyMap<string, readonly string[]>;

export type Places = Readonly<Record<string, Point>>;

/** What a step takes: the width of its columns, its height, and the containers inside each other. */
interface Block {
  readonly columns: number;
  readonly height: number;
  readonly levels: number;
}

const PLAIN: Block = { columns: NODE_WIDTH, height: NODE_HEIGHT, levels: 0 };
const MARGIN = 2 * GRID;
const FEW = 150;

/** Tidy everything, or some steps with what is in them, which then stay where their upper left corner was. */
export function tidied(scene: Scene, connections: Iterable<Connection>, chosen: readonly string[] = [], cases: Cases = new Map()): Places {
  const tidy = new Tidy(scene, connections, cases);
  if (chosen.length === 0) {
    tidy.fill(null, slotsOf(scene.children.get(null) ?? []), MARGIN, MARGIN);
    return tidy.places;
  }
  for (const items of groupsOf(scene, chosen)) {
    const corner = { x: Math.min(...items.map(({ position }) => position.x)), y: Math.min(...items.map(({ position }) => position.y)) };
    tidy.fill(items[0]?.parent ?? null, slotsOf(items), snapped(corner.x), snapped(corner.y));
    const left = Math.min(...items.map(({ id }) => tidy.places[id]?.x ?? Infinity));
    for (const { id } of items) {
      const place = tidy.places[id];
      if (place) tidy.places[id] = { x: place.x - left + snapped(corner.x), y: place.y };
    }
  }
  return tidy.places;
}

/** The chosen steps by list, without those in others that are chosen. */
function groupsOf({ items }: Scene, chosen: readonly string[]): Item[][] {
  const all = new Set(chosen);
  const groups = new Map<string, Item[]>();
  for (const item of items.values()) {
    if (!all.has(item.id) || isInside(items, item, all)) continue;
    const key = JSON.stringify([item.parent, item.slot]);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}

function isInside(items: ReadonlyMap<string, Item>, { parent }: Item, all: ReadonlySet<string>): boolean {
  for (let at = parent; at !== null; at = items.get(at)?.parent ?? null) if (all.has(at)) return true;
  return false;
}

function slotsOf(items: readonly Item[]): Map<string, Item[]> {
  const slots = new Map<string, Item[]>();
  for (const item of items) slots.set(item.slot, [...(slots.get(item.slot) ?? []), item]);
  return slots;
}

type Flow = readonly (readonly [from: string, to: string])[];

class Tidy {
  readonly places: Record<string, Point> = {};
  private readonly blocks = new Map<string, Block>();
  private readonly flows: ReadonlyMap<string, Flow>;

  constructor(private readonly scene: Scene, connections: Iterable<Connection>, private readonly cases: Cases) {
    this.flows = flowsOf(scene, connections);
  }

  /** Place the steps of all slots of a container; returns the width of their columns and where they end. */
  fill(parent: string | null, slots: ReadonlyMap<string, readonly Item[]>, left: number, top: number): [columns: number, bottom: number] {
    let [right, overhang, bottom] = [left - GAP_X, 0, top + NODE_HEIGHT];
    for (const [slot, items] of [...slots].sort(([a], [b]) => this.laneOrder(parent, a, b))) {
      const reach = Math.max(0, ...items.map((item) => overhangOf(this.block(item))));
      const start = right < left ? left : right + gap(overhang, reach);
      const [width, end] = this.list(items, this.flows.get(JSON.stringify([parent, slot])) ?? [], start, top);
      [right, overhang, bottom] = [start + width, reach, Math.max(bottom, end)];
    }
    return [columnsOf(right - left), bottom];
  }

  /** Cases stand in the order of the file, other lanes keep theirs from left to right. */
  private laneOrder(parent: string | null, a: string, b: string): number {
    const lanes = parent === null ? [] : (this.cases.get(parent) ?? this.scene.frames.get(parent)?.lanes.map(({ slot }) => slot) ?? []);
    return slotRank(a) - slotRank(b) || lanes.indexOf(a) - lanes.indexOf(b);
  }

  private block(item: Item): Block {
    const known = this.blocks.get(item.id) ?? this.blockOf(item);
    this.blocks.set(item.id, known);
    return known;
  }

  private blockOf(item: Item): Block {
    const frame = this.scene.frames.get(item.id);
    if (frame === undefined) return PLAIN;
    const inside = this.scene.children.get(item.id) ?? [];
    const slots = slotsOf(inside);
    if (item.type === "switch" && !slots.has("default")) slots.set(mainSlotOf(item.type), []);
    const levels = 1 + Math.max(0, ...inside.map((each) => this.block(each).levels));
    const [columns, bottom] = this.fill(item.id, slots, levels * PADDING, HEAD + (frame.isSplit ? LANE_HEAD : PADDING));
    return { columns, height: bottom + PADDING, levels };
  }

  /** Place the steps of one list from a corner on; returns the width of its columns and where it ends. */
  private list(items: readonly Item[], all: Flow, left: number, top: number): [columns: number, bottom: number] {
    const blocks = new Map(items.map((item) => [item.id, this.block(item)]));
    const flow = all.filter(([from, to]) => blocks.has(from) && blocks.has(to));
    const rows = rowsOf(items, flow, blocks);
    const centers = centersOf(rows, flow, blocks);
    const half = (id: string): number => (blocks.get(id) ?? PLAIN).columns / 2;
    const first = Math.min(Infinity, ...[...centers].map(([id, center]) => center - half(id)));
    const last = Math.max(-Infinity, ...[...centers].map(([id, center]) => center + half(id)));
    let [y, bottom] = [top, top + NODE_HEIGHT];
    for (const row of rows) {
      for (const id of row) {
        const x = left + (centers.get(id) ?? 0) - half(id) - first - overhangOf(blocks.get(id) ?? PLAIN);
        this.places[id] = { x, y };
      }
      bottom = y + Math.max(...row.map((id) => (blocks.get(id) ?? PLAIN).height));
      y = onGrid(bottom + GAP_Y);
    }
    return [columnsOf(last - first), bottom];
  }
}

/** The centers of all steps, each as near as can be to those that feed it; in the first row around a middle. */
function centersOf(rows: readonly string[][], flow: Flow, blocks: ReadonlyMap<string, Block>): Map<string, number> {
  const into = new Map<string, string[]>();
  for (const [from, to] of flow) into.set(to, [...(into.get(to) ?? []), from]);
  const centers = new Map<string, number>();
  for (const row of rows) {
    const distances = row.slice(1).map((id, at) => {
      const [a, b] = [blocks.get(row[at] ?? "") ?? PLAIN, blocks.get(id) ?? PLAIN];
      return onGrid((a.columns + b.columns) / 2 + gap(overhangOf(a), overhangOf(b)));
    });
    const wanted = row.map((id) => mean((into.get(id) ?? []).flatMap((from) => centers.get(from) ?? [])));
    for (const [at, center] of spaced(wanted, distances).entries()) centers.set(row[at] ?? "", center);
  }
  return centers;
}

const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : values.reduce((sum, each) => sum + each, 0) / values.length);

/** The rows of a list, each in the order that dagre finds for few crossings. */
function rowsOf(items: readonly Item[], flow: Flow, blocks: ReadonlyMap<string, Block>): string[][] {
  const graph = new Graph({ multigraph: false });
  // The best ranks take long: of a thousand steps a minute, others seconds.
  const ranker = items.length > FEW ? "tight-tree" : "network-simplex";
  graph.setGraph({ rankdir: "TB", nodesep: GAP_X, ranksep: GAP_Y, ranker });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of items) {
    const { columns, levels, height } = blocks.get(id) ?? PLAIN;
    graph.setNode(id, { width: columns + 2 * PADDING * levels, height });
  }
  for (const [from, to] of flow) graph.setEdge(from, to);
  layout(graph);
  const rows = layersOf(items, flow).map((layer) => layer.map((id) => ({ id, x: (graph.node(id) as Partial<Point>).x ?? 0 })));
  return readable(rows, flow);
}

/**
 * Each step in the layer behind the last one that feeds it. Dagre's own layers pull steps down to what they feed, which
 * reads like a later turn.
 */
function layersOf(items: readonly Item[], flow: Flow): string[][] {
  const into = new Map<string, string[]>();
  for (const [from, to] of [...flow, ...sequence(items, flow)]) into.set(to, [...(into.get(to) ?? []), from]);
  const depths = new Map<string, number>();
  const layers: string[][] = [];
  for (const { id } of items) {
    const depth = Math.max(0, ...(into.get(id) ?? []).map((from) => (depths.get(from) ?? -1) + 1));
    depths.set(id, depth);
    (layers[depth] ??= []).push(id);
  }
  return layers;
}

interface Placed {
  readonly id: string;
  readonly x: number;
}

/**
 * In the order of the list, where dagre has no reason for another: as a mirror image, and where neighbours cross as few
 * edges the other way round. `rows` have each row's steps in the order of the list.
 */
function readable(rows: readonly Placed[][], flow: Flow): string[][] {
  const turned = rows.flatMap((row) => row.slice(1).map(({ x }, at) => Math.sign(x - (row[at]?.x ?? 0))));
  const direction = turned.reduce((sum, each) => sum + each, 0) < 0 ? -1 : 1;
  const ordered = rows.map((row) => [...row].sort((a, b) => direction * (a.x - b.x)).map(({ id }) => id));
  const places = new Map(rows.flatMap((row) => row.map(({ id }, at) => [id, at] as const)));
  const into = neighboursOf(flow.map(([from, to]) => [to, from]));
  const out = neighboursOf(flow);
  for (let round = 0; round < ROUNDS; round++) {
    const at = new Map(ordered.flatMap((row) => row.map((id, index) => [id, index - (row.length - 1) / 2] as const)));
    let isDone = true;
    for (const row of ordered) {
      for (let index = 1; index < row.length; index++) {
        const [left, right] = [row[index - 1] as string, row[index] as string];
        if ((places.get(left) ?? 0) < (places.get(right) ?? 0)) continue;
        const cost = (a: string, b: string): number => crossings(into.get(a), into.get(b), at) + crossings(out.get(a), out.get(b), at);
        if (cost(right, left) > cost(left, right)) continue;
        [row[index - 1], row[index]] = [right, left];
        isDone = false;
      }
    }
    if (isDone) break;
  }
  return ordered;
}

const ROUNDS = 8;

function neighboursOf(flow: Flow): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [from, to] of flow) found.set(from, [...(found.get(from) ?? []), to]);
  return found;
}

/** How many edges cross if one step with its neighbours stands to the left of another with its. */
function crossings(left: readonly string[] = [], right: readonly string[] = [], at: ReadonlyMap<string, number>): number {
  let count = 0;
  for (const a of left) for (const b of right) if ((at.get(a) ?? 0) > (at.get(b) ?? 0)) count++;
  return count;
}

/** Steps without connections stand between those before and behind them in the list. */
function sequence(items: readonly Item[], flow: Flow): Flow {
  const related = new Set(flow.flat());
  const found: (readonly [string, string])[] = [];
  let [above, between]: [string[], string[]] = [[], []];
  for (const { id } of items) {
    if (related.has(id)) {
      between.push(id);
      found.push(...above.map((each) => [each, id] as const));
    } else {
      found.push(...[...above, ...between].map((each) => [each, id] as const));
      [above, between] = [[id], []];
    }
  }
  return found;
}

/** What flows between the steps of each list, also from and to what is in them; not what flows back. */
function flowsOf({ items, children }: Scene, connections: Iterable<Connection>): Map<string, Flow> {
  const flows = new Map<string, (readonly [string, string])[]>();
  const indices = new Map([...children.values()].flatMap((line) => line.map(({ id }, at) => [id, at] as const)));
  for (const { from_step_id: from, to_step_id: to } of connections) {
    const [a, b] = [lineage(items, from), lineage(items, to)];
    const at = a.findIndex((id, level) => id !== b[level]);
    const [one, other] = [items.get(a[at] ?? ""), items.get(b[at] ?? "")];
    if (one === undefined || other === undefined || one.slot !== other.slot) continue;
    if ((indices.get(one.id) ?? 0) > (indices.get(other.id) ?? 0)) continue;
    const key = JSON.stringify([one.parent, one.slot]);
    flows.set(key, [...(flows.get(key) ?? []), [one.id, other.id]]);
  }
  return flows;
}

/** From the outermost on. */
function lineage(items: ReadonlyMap<string, Item>, id: string): string[] {
  const line: string[] = [];
  for (let at: string | null | undefined = id; at !== null && at !== undefined; at = items.get(at)?.parent) line.unshift(at);
  return line;
}

const overhangOf = ({ levels }: Block): number => levels * PADDING;

/** The distance between the columns of neighbours that reach so far beyond them. */
const gap = (left: number, right: number): number => GAP_X + Math.max(0, left + right - 2 * PADDING);

/** The next width of which half, too, is on the grid, counted from a plain step's. */
const columnsOf = (width: number): number => NODE_WIDTH + Math.max(0, Math.ceil((width - NODE_WIDTH) / (2 * GRID))) * 2 * GRID;

/**
 * Places in this order, at least so far apart, with the least squares to those wanted: isotonic regression by
 * pooling adjacent violators.
 */
export function spaced(wanted: readonly number[], distances: readonly number[]): number[] {
  const offsets = [0];
  for (const distance of distances) offsets.push((offsets.at(-1) ?? 0) + distance);
  const pools: { total: number; count: number }[] = [];
  for (const [at, each] of wanted.entries()) {
    let pool = { total: each - (offsets[at] ?? 0), count: 1 };
    for (let last = pools.at(-1); last && last.total / last.count >= pool.total / pool.count; last = pools.at(-1)) {
      pools.pop();
      pool = { total: pool.total + last.total, count: pool.count + last.count };
    }
    pools.push(pool);
  }
  const shifts = pools.flatMap(({ total, count }) => Array.from({ length: count }, () => snapped(total / count)));
  return offsets.slice(0, wanted.length).map((offset, at) => offset + (shifts[at] ?? 0));
}
