/**
 * A pipeline as nodes and edges of React Flow; a node that has not changed stays the same object. The
 * document is walked when it has changed; a drag, a selection or what others show touches only the
 * nodes that it is about, since it comes many times a second.
 */
import type { Connection as Wire, Edge, EdgeChange, Node, NodeChange } from "@xyflow/react";
import type { Other } from "../presence.js";
import type { Room } from "../room.js";
import type { Connection, Step } from "../schema.js";
import { connect, disconnect, moveSteps, type Point, remove } from "../verbs.js";

/** A step as a node: `data.step` is the whole step, `data.label` its name. */
export type StepNode = Node<{ readonly step: Step; readonly label: string; readonly isContainer: boolean }>;
export type ConnectionEdge = Edge<{ readonly connection: Connection }>;

export interface Flow {
  readonly nodes: StepNode[];
  readonly edges: ConnectionEdge[];
}

/** What React Flow knows of a node or edge beside the document. */
interface Local {
  readonly selected?: boolean;
  readonly dragging?: boolean;
  readonly position?: Point;
  readonly measured?: { readonly width: number; readonly height: number };
}

/** A node or an edge, and what it was made of. */
interface Made<Item> {
  readonly parts: readonly [entry: object, local: Local, isContainer: boolean, dragged: Point | undefined];
  readonly item: Item;
}

const DRAG_MS = 50;

/** To how many of the selected or dragged steps others see it: presence is sent whole, again and again. */
const MOST_SHOWN = 200;

/** One object, since nodes are compared by what they were made of. */
const NOTHING: Local = {};

export class FlowStore {
  private readonly locals = new Map<string, Local>();
  private readonly nodes = new Map<string, Made<StepNode>>();
  private readonly edges = new Map<string, Made<ConnectionEdge>>();
  private readonly listeners = new Set<() => void>();
  private flow: Flow = { nodes: [], edges: [] };
  /** Where each node and each edge stands in its list. */
  private nodePlaces = new Map<string, number>();
  private edgePlaces = new Map<string, number>();
  private parents = new Set<string | null>();
  private others: readonly Other[] = [];
  /** What others drag, and where it is. */
  private drags: ReadonlyMap<string, Point> = new Map();
  /** What is dragged here. */
  private readonly dragged = new Map<string, Point>();
  private chosen: readonly string[] = [];
  private sentAt = 0;
  private stops: (() => void)[] = [];

  constructor(private readonly room: Room) {
    this.build();
  }

  /** Call a listener when nodes or edges have changed. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) {
      this.stops = [this.room.pipeline.subscribe(this.update), this.room.subscribe(this.updateDrags)];
      this.takeDrags();
      this.build();
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) for (const stop of this.stops.splice(0)) stop();
    };
  };

  readonly get = (): Flow => this.flow;

  /** The selected steps, in reading order; the same list while it is unchanged. */
  readonly selection = (): readonly string[] => this.chosen;

  /** Select these steps and nothing else. */
  readonly select = (ids: readonly string[]): void => {
    const wanted = new Set(ids);
    const touched = [...this.locals].flatMap(([id, { selected }]) => (selected && !wanted.has(id) ? [id] : []));
    for (const id of touched) this.note(id, { selected: false });
    for (const id of wanted) this.note(id, { selected: true });
    this.changed([...touched, ...wanted], true);
  };

  /** For React Flow's `onNodesChange`: drags are shown to others at once and committed when they end. */
  readonly onNodesChange = (changes: readonly NodeChange<StepNode>[]): void => {
    const moved: Record<string, Point> = {};
    const removed: string[] = [];
    const touched: string[] = [];
    for (const change of changes) {
      if ("id" in change) touched.push(change.id);
      if (change.type === "remove") removed.push(change.id);
      if (change.type === "select") this.note(change.id, { selected: change.selected });
      if (change.type === "dimensions" && change.dimensions) this.note(change.id, { measured: change.dimensions });
      if (change.type === "position") this.move(change, moved);
    }
    this.commit(moved, removed);
    this.showDrag(Object.keys(moved).length > 0);
    this.changed(touched, changes.some(({ type }) => type === "select"));
  };

  /** For React Flow's `onEdgesChange`. */
  readonly onEdgesChange = (changes: readonly EdgeChange<ConnectionEdge>[]): void => {
    const touched = changes.flatMap((change) => ("id" in change ? [change.id] : []));
    for (const change of changes) {
      if (change.type === "remove") disconnect(this.room.pipeline, change.id);
      if (change.type === "select") this.note(change.id, { selected: change.selected });
    }
    this.changed(touched, false);
  };

  /** For React Flow's `onConnect`: the handles are the ports. */
  readonly onConnect = ({ source, target, sourceHandle, targetHandle }: Wire): void => {
    connect(this.room.pipeline, {
      from_step_id: source,
      to_step_id: target,
      ...(sourceHandle ? { from_output: sourceHandle } : {}),
      ...(targetHandle ? { to_input: targetHandle } : {}),
    });
  };

  private note(id: string, local: Local): void {
    this.locals.set(id, { ...this.locals.get(id), ...local });
  }

  private move({ id, position, dragging }: { id: string; position?: Point; dragging?: boolean }, moved: Record<string, Point>): void {
    const at = position ?? (dragging ? undefined : this.dragged.get(id));
    if (at === undefined) return;
    if (!dragging) {
      moved[id] = at;
      return;
    }
    this.dragged.set(id, at);
    this.note(id, { position: at, dragging });
  }

  private commit(moved: Readonly<Record<string, Point>>, removed: readonly string[]): void {
    const { pipeline } = this.room;
    for (const id of Object.keys(moved)) {
      const { position: _, dragging: __, ...rest } = this.locals.get(id) ?? {};
      this.locals.set(id, rest);
      this.dragged.delete(id);
    }
    // A drag that was called off ends where its step is: nothing is to be written, or undone.
    const there = Object.entries(moved).filter(([id, { x, y }]) => {
      const at = pipeline.steps().get(id)?.position;
      return at !== undefined && (at.x !== x || at.y !== y);
    });
    if (there.length > 0) moveSteps(pipeline, Object.fromEntries(there));
    if (removed.length > 0) remove(pipeline, removed);
  }

  /** Show a drag to the others, at most every 50 ms, and that it has ended. */
  private showDrag(isDropped: boolean): void {
    const now = Date.now();
    if (!isDropped && (this.dragged.size === 0 || now - this.sentAt < DRAG_MS)) return;
    this.sentAt = now;
    const shown = [...this.dragged].slice(0, MOST_SHOWN);
    this.room.setPresence({ dragging: shown.length > 0 ? Object.fromEntries(shown) : null });
  }

  /** Make these nodes and edges anew where they have changed, and show what is selected. */
  private changed(ids: readonly string[], isSelected: boolean): void {
    const nodes = patched(this.flow.nodes, this.nodePlaces, ids, (id) => this.node(id));
    const edges = patched(this.flow.edges, this.edgePlaces, ids, (id) => this.edge(id));
    const isSame = nodes === this.flow.nodes && edges === this.flow.edges;
    if (!isSame) this.flow = { nodes, edges };
    if (isSelected) this.choose();
    if (isSelected) this.showSelection();
    if (!isSame) this.call();
  }

  private showSelection(): void {
    this.room.setPresence({ selection: this.chosen.slice(0, MOST_SHOWN) });
  }

  private call(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private readonly update = (): void => {
    const [former, chosen] = [this.flow, this.chosen];
    this.build();
    if (this.chosen !== chosen) this.showSelection();
    if (this.flow !== former) this.call();
  };

  private readonly updateDrags = (): void => {
    const former = this.drags;
    if (this.takeDrags()) this.changed([...new Set([...former.keys(), ...this.drags.keys()])], false);
  };

  /** Read what others drag; return whether they have dragged anything before or since. */
  private takeDrags(): boolean {
    const others = this.room.others();
    if (others === this.others) return false;
    this.others = others;
    const drags = new Map(others.flatMap(({ dragging }) => Object.entries(dragging ?? {})));
    const hadOrHas = drags.size + this.drags.size > 0;
    // A drag that stays where it is keeps its point: nodes are compared by what they were made of.
    for (const [id, { x, y }] of drags) {
      const known = this.drags.get(id);
      if (known?.x === x && known.y === y) drags.set(id, known);
    }
    this.drags = drags;
    return hadOrHas;
  }

  private build(): void {
    const [steps, wires] = [this.room.pipeline.steps(), this.room.pipeline.connections()];
    this.forget();
    this.parents = new Set([...steps.values()].map((step) => step.parent_step_id));
    const nodes = [...steps.keys()].map((id) => this.node(id)).filter((node) => node !== undefined);
    const edges = [...wires.keys()].map((id) => this.edge(id)).filter((edge) => edge !== undefined);
    const isSame = areSame(nodes, this.flow.nodes) && areSame(edges, this.flow.edges);
    if (isSame) return;
    this.flow = { nodes, edges };
    [this.nodePlaces, this.edgePlaces] = [placesOf(nodes), placesOf(edges)];
    this.choose();
  }

  /** Keep nothing of steps and connections that are gone. */
  private forget(): void {
    const [steps, wires] = [this.room.pipeline.steps(), this.room.pipeline.connections()];
    for (const known of [this.nodes, this.edges, this.locals, this.dragged]) {
      if (known !== this.dragged && known.size <= steps.size + wires.size) continue;
      for (const id of known.keys()) if (!steps.has(id) && !wires.has(id)) known.delete(id);
    }
  }

  private choose(): void {
    const chosen = this.flow.nodes.filter(({ selected }) => selected).map(({ id }) => id);
    if (areSame(chosen, this.chosen)) return;
    // A step that somebody brings back is not selected: it would come between what is edited meanwhile.
    for (const id of this.chosen) if (!this.nodePlaces.has(id)) this.locals.delete(id);
    this.chosen = chosen;
  }

  private node(id: string): StepNode | undefined {
    const step = this.room.pipeline.steps().get(id);
    if (step === undefined) return undefined;
    const local = this.locals.get(id) ?? NOTHING;
    const isContainer = this.parents.has(id);
    const dragged = this.drags.get(id);
    return kept(this.nodes, id, [step, local, isContainer, dragged], () => {
      const { width, height } = step.size;
      return {
        id,
        position: local.position ?? dragged ?? step.position,
        data: { step, label: step.name, isContainer },
        ...(step.parent_step_id === null ? {} : { parentId: step.parent_step_id }),
        ...(isContainer ? { style: { width, height } } : { initialWidth: width, initialHeight: height }),
        ...(local.measured ? { measured: local.measured } : {}),
        selected: local.selected ?? false,
        dragging: local.dragging ?? false,
      };
    });
  }

  private edge(id: string): ConnectionEdge | undefined {
    const connection = this.room.pipeline.connections().get(id);
    if (connection === undefined) return undefined;
    const local = this.locals.get(id) ?? NOTHING;
    return kept(this.edges, id, [connection, local, false, undefined], () => ({
      id,
      source: connection.from_step_id,
      target: connection.to_step_id,
      data: { connection },
      selected: local.selected ?? false,
    }));
  }
}

/** The list with some items made anew; the same list if that changes none. */
function patched<Item>(
  items: Item[],
  places: ReadonlyMap<string, number>,
  ids: readonly string[],
  make: (id: string) => Item | undefined,
): Item[] {
  let fresh = items;
  for (const id of ids) {
    const at = places.get(id);
    const item = at === undefined ? undefined : make(id);
    if (at === undefined || item === undefined || item === fresh[at]) continue;
    if (fresh === items) fresh = [...items];
    fresh[at] = item;
  }
  return fresh;
}

const placesOf = (items: readonly { readonly id: string }[]): Map<string, number> =>
  new Map([...items.entries()].map(([at, { id }]) => [id, at]));

/** The item of this id if it was made of the same parts, else one made anew. */
function kept<Item>(known: Map<string, Made<Item>>, id: string, parts: Made<Item>["parts"], make: () => Item): Item {
  const former = known.get(id);
  if (former !== undefined && areSame(parts, former.parts)) return former.item;
  const item = make();
  known.set(id, { parts, item });
  return item;
}

const areSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((item, at) => item === other[at]);
