/**
 * The library's nodes and edges with what the canvas adds: sizes, ports, frames of containers, ways of edges.
 * With these React Flow need not measure, so edges are drawn to nodes that are not mounted. What has not
 * changed stays the same object, else React Flow would draw every node anew.
 */
import { MarkerType, type Edge, type Node, Position, type NodeHandle } from "@xyflow/react";
import type { Connection, Step } from "pipeloom-client";
import type { ConnectionEdge, StepNode } from "pipeloom-client/react";
import { type Box, overlap, PORT, type Size } from "./measures";
import { type Route, routeBetween } from "./routing";
import { type Frame, type Item, type Scene, sceneAfterMoves, sceneOf, type SceneOptions } from "./scene";
import { areSame } from "./same";
import { boxAround, Surroundings } from "./surroundings";
import { type EdgeKind, isSameWire, type Wire, wiresFor } from "./wires";

export type CanvasNode = Node<{
  readonly step: Step;
  readonly label: string;
  readonly isContainer: boolean;
  readonly frame: Frame | null;
  readonly hasIn: boolean;
  readonly hasOut: boolean;
}>;

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

const EMPTY: Scene = { children: new Map(), items: new Map(), frames: new Map(), boxes: new Map(), hidden: new Map() };

/** How near a change must come to a way for it to be found anew, and to one with a label. */
const NEAR = 40;
const NEAR_LABEL = 120;

const nearOf = ({ label }: Wire): number => (label === null ? NEAR : NEAR_LABEL);

type Options = Omit<SceneOptions, "former">;

/** What a view was made of, but for where steps stand. */
interface Source {
  readonly nodes: readonly StepNode[];
  readonly edges: readonly ConnectionEdge[];
  readonly options: Options;
}

export class ViewFlow {
  private scene = EMPTY;
  private source: Source = { nodes: [], edges: [], options: {} };
  private lines: Line[] = [];
  private taken: ReadonlySet<string> = new Set();
  private nodes = new Map<string, Made>();
  private edges: CanvasEdge[] = [];

  update(nodes: readonly StepNode[], edges: readonly ConnectionEdge[], options: Options): View {
    const [former, source] = [this.scene, this.source];
    this.source = { nodes, edges, options };
    const moved = movedSince(source, this.source);
    const scene = moved === null ? sceneOf(nodes.map(itemOf), { ...options, former }) : sceneAfterMoves(former, moved.map(itemOf), { ...options, former });
    this.scene = scene;
    if (moved === null || edges !== source.edges) this.takeWires(wiresFor(edges, scene, new Map(nodes.map(({ id, data }) => [id, data.step]))));
    this.route(former);
    const selected = new Set(nodes.filter((node) => node.selected).map(({ id }) => id));
    const shown = this.lines.flatMap((line) => edgeOn(line, selected) ?? []);
    if (!areSame(shown, this.edges)) this.edges = shown;
    return { nodes: this.drawn(nodes, portsOf(this.edges), options), edges: this.edges, scene };
  }

  /** Wires that are as before stay the same, with their ways. */
  private takeWires(wires: readonly Wire[]): void {
    const known = new Map(this.lines.map((line) => [line.wire.id, line]));
    this.lines = wires.map((wire) => {
      const line = known.get(wire.id);
      if (line === undefined) return { wire, routed: undefined, edge: undefined };
      if (!isSameWire(line.wire, wire)) [line.wire, line.edge] = [wire, undefined];
      return line;
    });
    this.taken = new Set(wires.map(({ source, target }) => `${source} ${target}`));
  }

  /** The ways of all edges: found anew where an end or something near has changed its place. */
  private route(former: Scene): void {
    const changed = changedBoxes(former, this.scene);
    const area = boxAround(changed);
    const surroundings = new Surroundings(this.scene);
    const isNear = ({ bounds }: Route, near: number): boolean => area !== null && overlap(area, bounds, near) && changed.some((box) => overlap(box, bounds, near));
    for (const line of this.lines) {
      const [a, b] = [this.scene.boxes.get(line.wire.source), this.scene.boxes.get(line.wire.target)];
      const { routed: known } = line;
      if (a === undefined || b === undefined) line.routed = undefined;
      else if (known?.source !== a || known.target !== b || isNear(known.route, nearOf(line.wire))) line.routed = this.routed(line.wire, a, b, surroundings);
    }
  }

  private routed({ source, target }: Wire, a: Box, b: Box, surroundings: Surroundings): Routed {
    const { obstacles, inside } = surroundings.of(source, target);
    const isTaken = a.y > b.y && this.taken.has(`${target} ${source}`);
    return { source: a, target: b, route: routeBetween(a, b, obstacles, { isTaken, inside }), obstacles };
  }

  private drawn(nodes: readonly StepNode[], ports: Ports, options: Options): CanvasNode[] {
    const former = this.nodes;
    this.nodes = new Map();
    return nodes.map((node) => {
      const look = this.lookOf(node, ports, options);
      const known = former.get(node.id);
      const made = known !== undefined && isSameLook(known.look, look) ? known : { look, value: drawn(look) };
      this.nodes.set(node.id, made);
      return made.value;
    });
  }

  private lookOf(node: StepNode, { sources, targets }: Ports, { floating }: Options): Look {
    return {
      node,
      frame: this.scene.frames.get(node.id) ?? null,
      hasIn: targets.has(node.id),
      hasOut: sources.has(node.id),
      isHidden: this.scene.hidden.has(node.id),
      isFloating: (floating?.has(node.id) ?? false) || node.dragging === true,
    };
  }
}

const items = new WeakMap<StepNode, Item>();

function itemOf(node: StepNode): Item {
  const known = items.get(node);
  if (known) return known;
  const { id, type, parent_step_id: parent, slot } = node.data.step;
  const item = { id, type, parent, slot, position: node.position };
  items.set(node, item);
  return item;
}

/** The nodes that have changed, if they are the same steps otherwise; else null, as for containers that have changed by themselves. */
function movedSince(former: Source, now: Source): readonly StepNode[] | null {
  const { nodes, options } = now;
  const isSameOtherwise = nodes.length === former.nodes.length && nodes.length > 0 && OPTIONS.every((each) => options[each] === former.options[each]);
  if (!isSameOtherwise) return null;
  const moved: StepNode[] = [];
  for (const [at, node] of nodes.entries()) {
    const before = former.nodes[at] as StepNode;
    if (node === before) continue;
    if (node.data.step !== before.data.step) return null;
    moved.push(node);
  }
  return moved;
}

const OPTIONS = ["folded", "waiting", "floating", "least"] as const;

/** A wire with its way and its edge, as these were last made. */
interface Line {
  wire: Wire;
  routed: Routed | undefined;
  edge: { readonly routed: Routed; readonly isActive: boolean; readonly value: CanvasEdge } | undefined;
}

function edgeOn(line: Line, selected: ReadonlySet<string>): CanvasEdge | null {
  const { wire, routed, edge } = line;
  if (routed === undefined) return null;
  const isActive = wire.isSelected || (wire.kind !== "loop" && (selected.has(wire.source) || selected.has(wire.target)));
  if (edge?.routed === routed && edge.isActive === isActive) return edge.value;
  line.edge = { routed, isActive, value: edgeOf(wire, routed, isActive) };
  return line.edge.value;
}

/** All that decides how a node is drawn. */
interface Look {
  readonly node: StepNode;
  readonly frame: Frame | null;
  readonly hasIn: boolean;
  readonly hasOut: boolean;
  readonly isHidden: boolean;
  readonly isFloating: boolean;
}

const isSameLook = (a: Look, b: Look): boolean =>
  a.node === b.node && a.frame === b.frame && a.hasIn === b.hasIn && a.hasOut === b.hasOut && a.isHidden === b.isHidden && a.isFloating === b.isFloating;

interface Made {
  readonly look: Look;
  readonly value: CanvasNode;
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

function drawn({ node, frame, hasIn, hasOut, isHidden, isFloating }: Look): CanvasNode {
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
    domAttributes: { "aria-roledescription": frame === null ? "step" : "container of steps", tabIndex: -1 },
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
    domAttributes: { "aria-roledescription": "connection", tabIndex: -1 },
    selected: wire.isSelected,
    data: { connections, route, kind, label, isActive, around: label === null ? [] : [...obstacles.filter((box) => overlap(box, route.bounds, NEAR_LABEL)), source, target], target },
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color },
    zIndex: 0,
    ...(kind === "loop" ? { selectable: false, focusable: false, deletable: false, reconnectable: false } : {}),
  };
}
