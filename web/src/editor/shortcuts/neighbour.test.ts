import { expect, it } from "vitest";
import { neighbour } from "./neighbour";

it("walks in order, begins at either end, and ends there", () => {
  const ids = ["a", "b", "c"];
  expect(neighbour(ids, "a", 1)).toBe("b");
  expect(neighbour(ids, "b", -1)).toBe("a");
  expect(neighbour(ids, "c", 1)).toBeNull();
  expect(neighbour(ids, "a", -1)).toBeNull();
  expect(neighbour(ids, null, 1)).toBe("a");
  expect(neighbour(ids, "gone", -1)).toBe("c");
  expect(neighbour([], null, 1)).toBeNull();
});
