import type { Other } from "pipeloom-client";
import { expect, it } from "vitest";
import { areEqual, nearer, showing, stillness, type Transform, windowOf } from "./viewports";

it.each([
  ["of the same size", { x: 10, y: 20, width: 800, height: 600 }, [-10, -20, 1]],
  ["that is twice as large", { x: 0, y: 0, width: 1600, height: 1200 }, [0, 0, 0.5]],
  ["that is wider", { x: 0, y: 0, width: 1600, height: 600 }, [0, 150, 0.5]],
  ["that is tiny, no nearer than allowed", { x: 0, y: 0, width: 8, height: 6 }, [392, 294, 2]],
])("shows all of a part %s", (_, seen, expected) => {
  expect(showing(seen, { width: 800, height: 600 }, [0.1, 2])).toEqual(expected);
});

it("comes nearer with time, and arrives", () => {
  const [from, to]: Transform[] = [[0, 0, 1], [100, 0, 2]];
  expect(nearer(from!, to!, 40)).toEqual([50, 0, 1.5]);
  let at = from!;
  for (let frames = 0; frames < 60 && !areEqual(at, to!); frames++) at = nearer(at, to!, 16);
  expect(at).toEqual(to);
});

it("follows the window in which somebody points", () => {
  const seen = { x: 0, y: 0, width: 1, height: 1 };
  const window = (clientId: number, id: string, viewport: unknown, cursor: unknown) => ({ clientId, user: { id }, viewport, cursor }) as unknown as Other;
  const others = [window(1, "a", seen, null), window(2, "a", seen, seen), window(3, "a", seen, null), window(4, "b", null, null)];
  expect(windowOf(others, "a")?.clientId).toBe(2);
  expect(windowOf(others, "b")?.clientId).toBe(4);
  expect(windowOf(others, "c")).toBeUndefined();
});

it("says that a view is still once it was the same in three frames", () => {
  const isStill = stillness();
  const views: Transform[] = [[0, 0, 1], [5, 0, 1], [5, 0, 1], [5, 0, 1], [6, 0, 1]];
  expect(views.map(isStill)).toEqual([false, false, false, true, false]);
});
