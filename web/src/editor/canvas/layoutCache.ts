/** Where the steps of a pipeline stood when this browser last showed it: for the time until they have come. */
import { local } from "../../local";
import type { Box } from "./measures";
import type { Scene } from "./scene";

const MOST = 60;
const KEY = "pipeloom-layout-";

/** What was seen of the canvas in the top left corner of the steps is enough to recognize it. */
export function boxesOf({ boxes, frames, hidden }: Scene): (Box & { isContainer: boolean })[] {
  const shown = [...boxes].filter(([id]) => !hidden.has(id)).slice(0, MOST);
  return shown.map(([id, { x, y, width, height }]) => ({ x, y, width, height, isContainer: frames.has(id) }));
}

export function saveLayout(pipelineId: string, scene: Scene): void {
  try {
    if (scene.boxes.size > 0) local.setItem(KEY + pipelineId, JSON.stringify(boxesOf(scene)));
  } catch {
    // Without storage the next visit begins with the general picture.
  }
}

export type CachedBox = Box & { readonly isContainer: boolean };

/** Null if there is none, or what stands there is none. */
export function savedLayout(pipelineId: string): readonly CachedBox[] | null {
  try {
    const boxes = JSON.parse(local.getItem(KEY + pipelineId) ?? "null") as unknown;
    return Array.isArray(boxes) && boxes.length > 0 && boxes.every(isBox) ? boxes : null;
  } catch {
    return null;
  }
}

const isBox = (box: unknown): box is CachedBox => {
  const { x, y, width, height } = (box ?? {}) as Record<string, unknown>;
  return [x, y, width, height].every(Number.isFinite);
};
