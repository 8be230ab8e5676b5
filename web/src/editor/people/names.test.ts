import type { Other } from "pipeloom-client";
import { expect, it } from "vitest";
import { shortNames } from "./names";

it("shortens names to the first word, unless two people share it", () => {
  const people = [["1", "Jonas Lind"], ["2", "Mara Vogel"], ["3", "Jonas Berg"], ["2", "Mara Vogel"], ["4", " "]] as const;
  const others = people.map(([id, name]) => ({ user: { id, name } }) as Other);
  expect([...shortNames(others)]).toEqual([["1", "Jonas Lind"], ["2", "Mara"], ["3", "Jonas Berg"], ["4", " "]]);
});
