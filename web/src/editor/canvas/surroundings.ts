/** What edges may run into, in one scene. */
import type { Box } from "./measures";
import type { Item, Scene } from "./scene";

/** How far above and below its ends an edge or its label may run into something. */
const BAND = 64;

export class Surroundings {
  /** The boxes of each list that was asked for: many edges are among the same steps. */
  private readonly lists = new Map<string | null, readonly (readonly [id: string, box: Box])[]>();

  constructor(private readonly scene: Scene) {}

  /**
   * The steps beside the ends of an edge, and beside what these are in, up to what holds both; and this container. No
   * way leads far above or below its ends, so nothing there is in it.
   */
  of(source: string, target: string): { readonly obstacles: Box[]; readonly inside: Box | null } {
    const { items, boxes } = this.scene;
    const [a, b] = [lineage(items, source), lineage(items, target)];
    const shared = a.find((id) => b.includes(id)) ?? null;
    const scopes = [...a, ...b].filter((id) => !(a.includes(id) && b.includes(id)) && id !== source && id !== target);
    const ends = boxAround([source, target].flatMap((id) => boxes.get(id) ?? []));
    const found: Box[] = [];
    for (const scope of ends === null ? [] : [shared, ...scopes]) {
      for (const [id, box] of this.list(scope)) if (isBeside(box, ends as Box) && !a.includes(id) && !b.includes(id)) found.push(box);
    }
    return { obstacles: found, inside: (shared !== null && boxes.get(shared)) || null };
  }

  private list(scope: string | null): readonly (readonly [id: string, box: Box])[] {
    const { children, boxes } = this.scene;
    const known = this.lists.get(scope);
    if (known) return known;
    const list = (children.get(scope) ?? []).flatMap(({ id }) => {
      const box = boxes.get(id);
      return box === undefined ? [] : [[id, box] as const];
    });
    this.lists.set(scope, list);
    return list;
  }
}

const isBeside = (box: Box, ends: Box): boolean => box.y < ends.y + ends.height + BAND && ends.y < box.y + box.height + BAND;

/** From a step out to what holds it. */
function lineage(items: ReadonlyMap<string, Item>, id: string): string[] {
  const line: string[] = [];
  for (let at: string | null | undefined = id; at !== null && at !== undefined; at = items.get(at)?.parent) line.push(at);
  return line;
}

/** The smallest box around some; null around none. */
export function boxAround(boxes: readonly Box[]): Box | null {
  if (boxes.length === 0) return null;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, width, height } of boxes) {
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + width), Math.max(bottom, y + height)];
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}
