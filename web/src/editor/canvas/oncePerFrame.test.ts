import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OncePerFrame } from "./oncePerFrame";

let frames: (() => void)[] = [];

beforeEach(() => {
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (call: () => void) => frames.push(call));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => void (frames[id - 1] = () => undefined));
});
afterEach(() => vi.unstubAllGlobals());

it("takes the latest of a frame, once", () => {
  const [taken, each] = [[] as number[], new OncePerFrame<number>()];
  const take = (value: number): void => void taken.push(value);
  for (const value of [1, 2, 3]) each.later(value, take);
  expect([taken, frames.length]).toEqual([[], 1]);
  frames[0]?.();
  expect(taken).toEqual([3]);
  each.later(4, take);
  expect(frames.length).toBe(2);
});

it("takes at once what waits when something else comes, and not again in the frame", () => {
  const [taken, each] = [[] as number[], new OncePerFrame<number>()];
  each.later(1, (value) => void taken.push(value));
  each.flush();
  each.flush();
  frames.forEach((call) => call());
  expect(taken).toEqual([1]);
});

it("takes nothing of what was dropped, also if its frame comes all the same, and what comes after that", () => {
  const [taken, each] = [[] as number[], new OncePerFrame<number>()];
  const take = (value: number): void => void taken.push(value);
  each.later(1, take);
  expect([each.drop(), each.drop()]).toEqual([true, false]);
  each.flush();
  frames.forEach((call) => call());
  expect(taken).toEqual([]);
  each.later(2, take);
  frames.at(-1)?.();
  expect(taken).toEqual([2]);
});
