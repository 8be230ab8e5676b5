/** Copied steps as a text on the system's clipboard, by which they reach other pipelines and windows. */
import type { Clip, JsonObject } from "pipeloom-client";
import type { Point } from "../canvas/measures";

/** By these first members a text on the clipboard is known for steps. */
const MARK = '{"pipeloom":"steps","version":1,';

/** More is refused before it is read: the page would stand still meanwhile. */
export const MOST_CHARACTERS = 2_000_000;
export const MOST_STEPS = 1000;

/** Steps as they are pasted: the outermost have their corners on the canvas as positions. */
export interface Copied {
  readonly steps: readonly CopiedStep[];
  readonly connections: readonly JsonObject[];
}

export type CopiedStep = JsonObject & {
  readonly id: string;
  readonly type: string;
  readonly position: JsonObject & Point;
};

export type Read = { readonly copied: Copied } | { readonly refusal: string };

/** `cornerOf` has the corner of a step on the canvas. */
export function textOfClip({ steps, connections }: Clip, cornerOf: (id: string) => Point | undefined): string {
  const ids = new Set(steps.map(({ id }) => id));
  const placed = steps.map((step) => {
    const corner = ids.has(step["parent_step_id"] ?? null) ? undefined : cornerOf(String(step["id"]));
    return corner === undefined ? step : { ...step, position: { x: corner.x, y: corner.y } };
  });
  return MARK + JSON.stringify({ steps: placed, connections }).slice(1);
}

/** Read what was copied; null if the text is something else. */
export function readClip(text: string): Read | null {
  if (!text.startsWith(MARK)) return null;
  try {
    return checked(JSON.parse(text));
  } catch {
    return { refusal: "The copied steps on the clipboard are not complete: copy them again" };
  }
}

function checked(value: { readonly steps?: unknown; readonly connections?: unknown }): Read {
  const { steps, connections } = value;
  if (!Array.isArray(steps) || !Array.isArray(connections) || !steps.every(isStep) || !connections.every(isObject)) {
    return { refusal: "What is on the clipboard says that it is steps, and is none" };
  }
  return within({ steps, connections });
}

/** Refuse more than a pipeline would be drawn with. */
export function within(copied: Copied): Read {
  const { length } = copied.steps;
  if (length === 0) return { refusal: "There are no steps on the clipboard" };
  return length <= MOST_STEPS ? { copied } : { refusal: `Expected at most ${MOST_STEPS} steps on the clipboard, got ${length}` };
}

const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

function isStep(value: unknown): value is CopiedStep {
  if (!isObject(value)) return false;
  const { id, type, position } = value;
  return typeof id === "string" && typeof type === "string" && isObject(position) && Number.isFinite(position["x"]) && Number.isFinite(position["y"]);
}
