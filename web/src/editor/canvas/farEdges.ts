/**
 * Edges of a canvas that is far away and has many: as few long lines, below the steps. An edge of React Flow is asked
 * three times with each change of anything, and there nobody could read it or hit it.
 */
import { pathOf, type Route } from "./routing";
import { areSame } from "./same";
import type { CanvasEdge } from "./viewFlow";
import type { EdgeKind } from "./wires";

/** Fewer edges than this are drawn one by one at any distance. */
export const MANY = 200;

/** So many lines change together when one of them does. */
const TOGETHER = 40;
const RADIUS = 10;

export interface Strand {
  readonly key: string;
  readonly kind: EdgeKind;
  readonly lines: string;
  readonly heads: string;
}

export interface Shown {
  /** For React Flow. */
  readonly edges: CanvasEdge[];
  readonly strands: readonly Strand[];
}

interface Group {
  readonly edges: readonly CanvasEdge[];
  readonly strands: readonly Strand[];
}

export class FarEdges {
  private groups: Group[] = [];
  private active: CanvasEdge[] = [];

  /** What is to be drawn: from far away only what belongs to the selection is one by one. */
  shown(edges: CanvasEdge[], isFar: boolean): Shown {
    if (!isFar || edges.length < MANY) return { edges, strands: [] };
    const active = edges.filter(({ data }) => data?.isActive);
    if (!areSame(active, this.active)) this.active = active;
    this.groups = Array.from({ length: Math.ceil(edges.length / TOGETHER) }, (_, at) => this.group(edges, at));
    return { edges: this.active, strands: this.groups.flatMap(({ strands }) => strands) };
  }

  private group(all: readonly CanvasEdge[], at: number): Group {
    const edges = all.slice(at * TOGETHER, (at + 1) * TOGETHER).filter(({ data }) => !data?.isActive);
    const known = this.groups[at];
    return known !== undefined && areSame(known.edges, edges) ? known : { edges, strands: strandsOf(edges, at) };
  }
}

const KINDS: readonly EdgeKind[] = ["data", "conditional", "loop"];

function strandsOf(edges: readonly CanvasEdge[], at: number): Strand[] {
  return KINDS.flatMap((kind) => {
    const routes = edges.flatMap(({ data }) => (data?.kind === kind ? [data.route] : []));
    if (routes.length === 0) return [];
    return [{ key: `${kind} ${at}`, kind, lines: routes.map(lineOf).join(""), heads: routes.map(headOf).join("") }];
  });
}

const lines = new WeakMap<Route, string>();

function lineOf(route: Route): string {
  const known = lines.get(route) ?? pathOf(route.points, RADIUS);
  lines.set(route, known);
  return known;
}

const [LENGTH, HALF] = [9, 4];

/** A small triangle where a way ends, in its direction. */
export function headOf({ points }: Route): string {
  const [before, end] = [points.at(-2), points.at(-1)];
  if (before === undefined || end === undefined) return "";
  const [x, y] = [Math.sign(end.x - before.x) * LENGTH, Math.sign(end.y - before.y) * LENGTH];
  const [aside, along] = x === 0 ? [HALF, 0] : [0, HALF];
  return `M${end.x} ${end.y}L${end.x - x + aside} ${end.y - y + along}L${end.x - x - aside} ${end.y - y - along}z`;
}
