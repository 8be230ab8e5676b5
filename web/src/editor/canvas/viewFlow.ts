/**
 * The library's nodes and edges with what the canvas adds: sizes, ports, frames of containers, ways of edges.
 * With these React Flow need not measure, so edges are drawn to nodes that are not mounted. What has not
 * changed stays the same object, else React Flow would draw every node anew.
 */
import { MarkerType, type Edge, type Node, Position, type NodeHandle } from "@xyflow/react";
import type { Connection, Step } from "pipeloom-client";
import type { ConnectionEdge, StepNode } from "pipeloom-client/react";
import { conditionOf } from "./facts";
import { type Box, overlap, PORT, type Size } from "./measures";
import { type Route, routeBetween } from "./routing";
import { type Frame, type Item, type Scene, sceneOf, type SceneOptions } from "./scene";

export type CanvasNode = Node<{
  readonly step: Step;
  readonly label: string;
  readonly isContainer: boolean;
  readonly frame: Frame | null;
  readonly hasIn: boolean;
  readonly hasOut: boolean;
}>;

export type EdgeKind = "data" | "conditional" | "loop";

export type CanvasEdge = Edge<{
  /** All connections between the same two steps: they are drawn as one, of none is the way back in a loop. */
  readonly connections: readonly Connection[];
  readonly route: Route;
  readonly kind: EdgeKind;
  readonly label: string | null;
  readonly isActive: boolean;
  /** What the label must not cover. */
  readonly around: readonly Box[];
  readonly target: Box;
}>;

export interface View {
  readonly nodes: CanvasNode[];
  readonly edges: CanvasEdge[];
  readonly scene: Scene;
}

/** What an edge is to be, before its way is known. */
interface Wire {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly connections: readonly Connection[];
  readonly kind: EdgeKind;
  readonly label: string | null;
  readonly isSelected: boolean;
  /** What it is, for those who do not see it. */
  readonly name: string;
}

/** With more changes than this all ways are found anew. */
const FEW = 40;
const NEAR = 40;

const EMPTY: Scene = { children: new Map(), items: new Map(), frames: new Map(), boxes: new Map(), hidden: new Map() };

export class ViewFlow {
  private scene = EMPTY;
  private readonly items = new WeakMap<StepNode, Item>();
  private nodes = new Map<string, Made<CanvasNode>>();
  private edges = new Map<string, Made<CanvasEdge>>();
  private routes = new Map<string, Routed>();

  update(nodes: readonly StepNode[], edges: readonly ConnectionEdge[], options: Omit<SceneOptions, "former">): View {
    const former = this.scene;
    const scene = (this.scene = sceneOf(nodes.map((node) => this.itemOf(node)), { ...options, former }));
    const selected = new Set(nodes.filter((node) => node.selected).map(({ id }) => id));
    const steps = new Map(nodes.map(({ id, data }) => [id, data.step]));
    const wires = [...wiresOf(edges, scene, steps), ...returnsOf(scene, steps)];
    const routes = (this.routes = this.routed(wires, former));
    const shown = wires.flatMap((wire) => this.edge(wire, routes.get(wire.id), selected));
    const ports = portsOf(shown);
    const { nodes: known, edges: drawn } = this;
    this.nodes = new Map();
    const views = nodes.map((node) => this.node(node, known.get(node.id), ports, options));
    this.edges = new Map(shown.map((edge) => [edge.id, drawn.get(edge.id) as Made<CanvasEdge>]));
    return { nodes: views, edges: shown, scene };
  }

  private itemOf(node: StepNode): Item {
    const known = this.items.get(node);
    if (known) return known;
    const { id, type, parent_step_id: parent, slot } = node.data.step;
    const item = { id, type, parent, slot, position: node.position };
    this.items.set(node, item);
    return item;
  }

  private node(node: StepNode, known: Made<CanvasNode> | undefined, ports: Ports, { floating }: SceneOptions): CanvasNode {
    const frame = this.scene.frames.get(node.id) ?? null;
    const [hasIn, hasOut] = [ports.targets.has(node.id), ports.sources.has(node.id)];
    const isHidden = this.scene.hidden.has(node.id);
    const isFloating = (floating?.has(node.id) ?? false) || node.dragging === true;
    const parts = [node, frame, hasIn, hasOut, isHidden, isFloating];
    const made = known && areSame(known.parts, parts) ? known : { parts, value: drawn(node, frame, hasIn, hasOut, isHidden, isFloating) };
    this.nodes.set(node.id, made);
    return made.value;
  }

  private edge(wire: Wire, routed: Routed | undefined, selected: ReadonlySet<string>): CanvasEdge[] {
    if (routed === undefined) return [];
    const isActive = wire.isSelected || (wire.kind !== "loop" && (selected.has(wire.source) || selected.has(wire.target)));
    const parts = [wire.source, wire.target, routed, wire.kind, wire.label, isActive, wire.isSelected, wire.name, ...wire.connections];
    const known = this.edges.get(wire.id);
    const made = known && areSame(known.parts, parts) ? known : { parts, value: edgeOf(wire, routed, isActive) };
    this.edges.set(wire.id, made);
    return [made.value];
  }

  /** The ways of all edges: found anew where an end or something near has changed its place. */
  private routed(wires: readonly Wire[], former: Scene): Map<string, Routed> {
    const changed = changedBoxes(former, this.scene);
    const routes = new Map<string, Routed>();
    const taken = new Set(wires.map(({ source, target }) => `${source} ${target}`));
    for (const { id, source, target } of wires) {
      const [a, b] = [this.scene.boxes.get(source), this.scene.boxes.get(target)];
      if (a === undefined || b === undefined) continue;
      const known = this.routes.get(id);
      const isKept = known !== undefined && known.source === a && known.target === b && changed.length <= FEW &&
        !changed.some((box) => overlap(box, known.route.bounds, NEAR));
      routes.set(id, isKept ? known : this.route(source, target, a, b, taken));
    }
    return routes;
  }

  private route(source: string, target: string, a: Box, b: Box, taken: ReadonlySet<string>): Routed {
    const { obstacles, inside } = surroundings(this.scene, source, target);
    const isTaken = a.y > b.y && taken.has(`${target} ${source}`);
    return { source: a, target: b, route: routeBetween(a, b, obstacles, { isTaken, inside }), obstacles };
  }
}

interface Made<T> {
  readonly parts: readonly unknown[];
  readonly value: T;
}

interface Routed {
  readonly source: Box;
  readonly target: Box;
  readonly route: Route;
  readonly obstacles: readonly Box[];
}

interface Ports {
  readonly sources: ReadonlySet<string>;
  readonly targets: ReadonlySet<string>;
}

function portsOf(edges: readonly CanvasEdge[]): Ports {
  const [sources, targets] = [new Set<string>(), new Set<string>()];
  for (const { source, target, data } of edges) {
    if (data?.route.isFromPort) sources.add(source);
    if (data?.route.isToPort) targets.add(target);
  }
  return { sources, targets };
}

/** Connections as edges: several between two steps as one, those of folded steps at what is folded. */
function wiresOf(edges: readonly ConnectionEdge[], { hidden }: Scene, steps: ReadonlyMap<string, Step>): Wire[] {
  const wires = new Map<string, Wire & { readonly connections: Connection[] }>();
  const labelled = new Set<string>();
  for (const { id, source: from, target: to, data, selected } of edges) {
    const [source, target] = [hidden.get(from) ?? from, hidden.get(to) ?? to];
    const key = `${source} ${target}`;
    const known = wires.get(key);
    if (source === target || data === undefined) continue;
    if (known) {
      known.connections.push(data.connection);
      wires.set(key, { ...known, isSelected: known.isSelected || selected === true });
      continue;
    }
    const condition = target === to ? conditionOf(steps.get(to)?.config ?? {}) : null;
    const label = condition === null || labelled.has(to) ? null : `if ${condition}`;
    labelled.add(to);
    const kind = condition === null ? "data" : "conditional";
    const name = `${steps.get(source)?.name} feeds ${steps.get(target)?.name}${condition === null ? "" : ` if ${condition}`}`;
    wires.set(key, { id, source, target, connections: [data.connection], kind, label, isSelected: selected === true, name });
  }
  return [...wires.values()];
}

/** The ways back to the start of loops. */
function returnsOf({ children, frames }: Scene, steps: ReadonlyMap<string, Step>): Wire[] {
  const wires: Wire[] = [];
  for (const [id, { isFolded }] of frames) {
    const step = steps.get(id);
    if (isFolded || (step?.type !== "for_loop" && step?.type !== "while_loop")) continue;
    const body = (children.get(id) ?? []).filter(({ slot }) => slot === "steps");
    const [first, last] = [steps.get(body[0]?.id ?? ""), steps.get(body.at(-1)?.id ?? "")];
    if (first === undefined || last === undefined || first === last) continue;
    const item = step.config["iterator"];
    const label = step.type === "while_loop" ? "again" : `next ${typeof item === "string" && item !== "" ? item : "item"}`;
    wires.push({ id: `return:${id}`, source: last.id, target: first.id, connections: [], kind: "loop", label, isSelected: false, name: `From ${last.name} back to ${first.name}: ${label}` });
  }
  return wires;
}

/**
 * What an edge may run into: the steps beside its ends, and beside what these are in, up to what holds both; and
 * this container.
 */
export function surroundings({ children, items, boxes }: Scene, source: string, target: string): { obstacles: Box[]; inside: Box | null } {
  const [a, b] = [lineage(items, source), lineage(items, target)];
  const shared = a.find((id) => b.includes(id)) ?? null;
  const scopes = new Set([...a, ...b].filter((id) => !(a.includes(id) && b.includes(id)) && id !== source && id !== target));
  const found: Box[] = [];
  for (const scope of [shared, ...scopes]) {
    for (const { id } of children.get(scope) ?? []) {
      const box = boxes.get(id);
      if (box !== undefined && !a.includes(id) && !b.includes(id)) found.push(box);
    }
  }
  return { obstacles: found, inside: (shared !== null && boxes.get(shared)) || null };
}

function lineage(items: ReadonlyMap<string, Item>, id: string): string[] {
  const line: string[] = [];
  for (let at: string | null | undefined = id; at !== null && at !== undefined; at = items.get(at)?.parent) line.push(at);
  return line;
}

function changedBoxes(former: Scene, now: Scene): Box[] {
  const changed: Box[] = [];
  for (const [id, box] of now.boxes) {
    const before = former.boxes.get(id);
    if (before !== box) changed.push(...(before ? [box, before] : [box]));
  }
  for (const [id, box] of former.boxes) if (!now.boxes.has(id)) changed.push(box);
  return changed;
}

/** The two ports of a node: in at the top, out at the bottom. */
function handles({ width, height }: Size): NodeHandle[] {
  const port = { x: width / 2 - PORT, width: 2 * PORT, height: 2 * PORT };
  return [
    { ...port, type: "target", position: Position.Top, y: -PORT },
    { ...port, type: "source", position: Position.Bottom, y: height - PORT },
  ];
}

const PLAIN: Size = { width: 224, height: 56 };

/** Containers lie below edges, and steps above; what is dragged is above all. */
const [BELOW, ABOVE] = [-100, 1000];

function drawn(node: StepNode, frame: Frame | null, hasIn: boolean, hasOut: boolean, isHidden: boolean, isFloating: boolean): CanvasNode {
  const { width, height } = frame ?? PLAIN;
  const { initialWidth: _, initialHeight: __, style: ___, ...rest } = node;
  return {
    ...rest,
    type: frame === null ? "step" : "container",
    data: { ...node.data, isContainer: frame !== null, frame, hasIn, hasOut },
    width,
    height,
    measured: { width, height },
    handles: handles({ width, height }),
    ariaLabel: `${node.data.label}, ${node.data.step.type.replaceAll("_", " ")}${node.data.step.enabled ? "" : ", disabled"}`,
    domAttributes: { "aria-roledescription": frame === null ? "step" : "container of steps" },
    zIndex: isFloating ? ABOVE : frame === null ? 0 : BELOW,
    ...(isHidden ? { hidden: true } : {}),
  };
}

function edgeOf(wire: Wire, { route, obstacles, source, target }: Routed, isActive: boolean): CanvasEdge {
  const { id, kind, label, connections } = wire;
  const color = isActive ? "var(--edge-active)" : kind === "conditional" ? "var(--edge-cond)" : "var(--edge)";
  return {
    id,
    source: wire.source,
    target: wire.target,
    type: "connection",
    ariaLabel: wire.name,
    domAttributes: { "aria-roledescription": "connection" },
    selected: wire.isSelected,
    data: { connections, route, kind, label, isActive, around: [...obstacles, source, target], target },
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color },
    zIndex: 0,
    ...(kind === "loop" ? { selectable: false, focusable: false, deletable: false, reconnectable: false } : {}),
  };
}

const areSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((item, at) => item === other[at]);
