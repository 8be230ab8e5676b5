/** The part of the canvas that somebody sees, as this window shows it. */
import type { Other, Rectangle } from "pipeloom-client";

export type Transform = readonly [x: number, y: number, zoom: number];

/** How the canvas lies in a window of this size so that all of a rectangle is seen, in the middle. */
export function showing(seen: Rectangle, { width, height }: { width: number; height: number }, [least, most]: readonly [number, number]): Transform {
  const zoom = Math.min(Math.max(Math.min(width / seen.width, height / seen.height), least), most);
  return [width / 2 - (seen.x + seen.width / 2) * zoom, height / 2 - (seen.y + seen.height / 2) * zoom, zoom];
}

const HALF_MS = 40;
const NEAR = 0.5;

/** A part of the way, by the time since the last one: half of it in 40 ms. The end is reached. */
export function nearer(from: Transform, to: Transform, ms: number): Transform {
  if (Math.hypot(to[0] - from[0], to[1] - from[1]) < NEAR && Math.abs(to[2] - from[2]) < NEAR / 1000) return to;
  const share = 1 - 2 ** (-ms / HALF_MS);
  return [0, 1, 2].map((at) => (from[at] ?? 0) + ((to[at] ?? 0) - (from[at] ?? 0)) * share) as unknown as Transform;
}

export const areEqual = (one: Transform, other: Transform): boolean => one.every((value, at) => Math.abs(value - (other[at] ?? 0)) < 1e-6);

const STILL_FRAMES = 2;

/** Returns a function that is given the view of each frame, and says whether it has come to rest. */
export function stillness(): (view: Transform) => boolean {
  let last: Transform | null = null;
  let frames = 0;
  return (view) => {
    frames = last !== null && areEqual(view, last) ? frames + 1 : 0;
    last = view;
    return frames >= STILL_FRAMES;
  };
}

/** The window of a user who is followed: of several the one that shows the canvas, and its pointer. */
export function windowOf(others: readonly Other[], userId: string): Other | undefined {
  const all = others.filter(({ user }) => user.id === userId);
  const shown = all.filter(({ viewport }) => viewport !== null);
  return shown.find(({ cursor }) => cursor !== null) ?? shown.at(-1) ?? all.at(-1);
}
