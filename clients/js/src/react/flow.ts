/** A pipeline as nodes and edges of React Flow; a node that has not changed stays the same object. */
import type { Connection as Wire, Edge, EdgeChange, Node, NodeChange } from "@xyflow/react";
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

const DRAG_MS = 50;

/** One object, since nodes are compared by what they were made of. */
const NOTHING: Local = {};

export class FlowStore {
  private readonly locals = new Map<string, Local>();
  private readonly nodes = new Map<string, { readonly parts: readonly unknown[]; readonly node: StepNode }>();
  private readonly edges = new Map<string, { readonly parts: readonly unknown[]; readonly edge: ConnectionEdge }>();
  private readonly listeners = new Set<() => void>();
  private flow: Flow = { nodes: [], edges: [] };
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
      this.stops = [this.room.pipeline.subscribe(this.update), this.room.subscribe(this.update)];
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
    for (const [id, { selected }] of this.locals) if (selected && !wanted.has(id)) this.note(id, { selected: false });
    for (const id of wanted) if (!this.locals.get(id)?.selected) this.note(id, { selected: true });
    this.show(true, false);
    this.update();
  };

  /** For React Flow's `onNodesChange`: drags are shown to others at once and committed when they end. */
  readonly onNodesChange = (changes: readonly NodeChange<StepNode>[]): void => {
    const moved: Record<string, Point> = {};
    const removed: string[] = [];
    for (const change of changes) {
      if (change.type === "remove") removed.push(change.id);
      if (change.type === "select") this.note(change.id, { selected: change.selected });
      if (change.type === "dimensions" && change.dimensions) this.note(change.id, { measured: change.dimensions });
      if (change.type === "position" && change.position) {
        if (change.dragging) this.note(change.id, { position: change.position, dragging: true });
        else moved[change.id] = change.position;
      } else if (change.type === "position" && !change.dragging) {
        const { position } = this.locals.get(change.id) ?? {};
        if (position) moved[change.id] = position;
      }
    }
    this.commit(moved, removed);
    this.show(changes.some(({ type }) => type === "select"), Object.keys(moved).length > 0);
    this.update();
  };

  /** For React Flow's `onEdgesChange`. */
  readonly onEdgesChange = (changes: readonly EdgeChange<ConnectionEdge>[]): void => {
    for (const change of changes) {
      if (change.type === "remove") disconnect(this.room.pipeline, change.id);
      if (change.type === "select") this.note(change.id, { selected: change.selected });
    }
    this.update();
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

  private commit(moved: Readonly<Record<string, Point>>, removed: readonly string[]): void {
    const { pipeline } = this.room;
    for (const id of Object.keys(moved)) {
      const { position: _, dragging: __, ...rest } = this.locals.get(id) ?? {};
      this.locals.set(id, rest);
    }
    const there = Object.entries(moved).filter(([id]) => pipeline.steps().has(id));
    if (there.length > 0) moveSteps(pipeline, Object.fromEntries(there));
    if (removed.length > 0) remove(pipeline, removed);
  }

  /** Show selection and drag to the others, a drag at most every 50 ms. */
  private show(isSelected: boolean, isDropped: boolean): void {
    const drags = [...this.locals].flatMap(([id, { position }]) => (position ? [[id, position] as const] : []));
    const now = Date.now();
    if (isDropped || (drags.length > 0 && now - this.sentAt >= DRAG_MS)) {
      this.sentAt = now;
      this.room.setPresence({ dragging: drags.length > 0 ? Object.fromEntries(drags) : null });
    }
    if (!isSelected) return;
    const steps = this.room.pipeline.steps();
    const selection = [...this.locals].filter(([id, { selected }]) => selected && steps.has(id));
    this.room.setPresence({ selection: selection.map(([id]) => id) });
  }

  private readonly update = (): void => {
    const former = this.flow;
    this.build();
    if (this.flow !== former) for (const listener of [...this.listeners]) listener();
  };

  private build(): void {
    const { pipeline } = this.room;
    const parents = new Set([...pipeline.steps().values()].map((step) => step.parent_step_id));
    const drags = new Map(this.room.others().flatMap(({ dragging }) => Object.entries(dragging ?? {})));
    const nodes = [...pipeline.steps().values()].map((step) => {
      return this.node(step, parents.has(step.id), this.locals.get(step.id), drags.get(step.id));
    });
    const edges = [...pipeline.connections().values()].map((wire) => this.edge(wire));
    const isSame = areSame(nodes, this.flow.nodes) && areSame(edges, this.flow.edges);
    if (!isSame) this.flow = { nodes, edges };
    const chosen = nodes.filter(({ selected }) => selected).map(({ id }) => id);
    if (!areSame(chosen, this.chosen)) this.chosen = chosen;
  }

  private node(step: Step, isContainer: boolean, local: Local = NOTHING, dragged: Point | undefined): StepNode {
    const parts = [step, isContainer, local, dragged];
    const known = this.nodes.get(step.id);
    if (known && areSame(parts, known.parts)) return known.node;
    const { width, height } = step.size;
    const node: StepNode = {
      id: step.id,
      position: local.position ?? dragged ?? step.position,
      data: { step, label: step.name, isContainer },
      ...(step.parent_step_id === null ? {} : { parentId: step.parent_step_id }),
      ...(isContainer ? { style: { width, height } } : { initialWidth: width, initialHeight: height }),
      ...(local.measured ? { measured: local.measured } : {}),
      selected: local.selected ?? false,
      dragging: local.dragging ?? false,
    };
    this.nodes.set(step.id, { parts, node });
    return node;
  }

  private edge(connection: Connection): ConnectionEdge {
    const parts = [connection, this.locals.get(connection.id)];
    const known = this.edges.get(connection.id);
    if (known && areSame(parts, known.parts)) return known.edge;
    const edge: ConnectionEdge = {
      id: connection.id,
      source: connection.from_step_id,
      target: connection.to_step_id,
      data: { connection },
      selected: this.locals.get(connection.id)?.selected ?? false,
    };
    this.edges.set(connection.id, { parts, edge });
    return edge;
  }
}

const areSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((item, at) => item === other[at]);
