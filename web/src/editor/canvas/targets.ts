/** The list into which something at a point of the canvas would fall. */
import type { Target } from "./canvasState";
import { contains, type Point } from "./measures";
import { laneAt, type Scene } from "./scene";

export interface Home {
  readonly parent: string;
  /** As it was when the drag began: it does not run away from who leaves it. */
  readonly box: Parameters<typeof contains>[0];
}

/** How far beyond the edge of its container a step is still kept by it. */
export const HOLD = 32;

/** The innermost container at a point, but none of `moving` and what is in these; else the canvas. */
export function targetAt(scene: Scene, point: Point, moving: ReadonlySet<string> = new Set(), home: Home | null = null): Target {
  let found: string | null = home !== null && contains(home.box, point, HOLD) ? home.parent : null;
  for (const [id] of scene.frames) {
    const box = scene.boxes.get(id);
    if (box === undefined || !contains(box, point) || scene.hidden.has(id) || isMoving(scene, id, moving)) continue;
    if (found === null || isInside(scene, id, found)) found = id;
  }
  if (found === null) return { parent: null, slot: "steps" };
  const frame = scene.frames.get(found);
  const lane = frame && laneAt(frame, point.x - (scene.boxes.get(found)?.x ?? 0));
  return { parent: found, slot: lane?.slot ?? "steps" };
}

function isMoving(scene: Scene, id: string, moving: ReadonlySet<string>): boolean {
  for (let at: string | null | undefined = id; at !== null && at !== undefined; at = scene.items.get(at)?.parent) if (moving.has(at)) return true;
  return false;
}

function isInside(scene: Scene, id: string, container: string): boolean {
  for (let at = scene.items.get(id)?.parent; at !== null && at !== undefined; at = scene.items.get(at)?.parent) if (at === container) return true;
  return false;
}
