import { expect, it } from "vitest";
import { tagsIn } from "./tagsIn";

it("reads tags once each, without the space around them", () => {
  expect(tagsIn(" on-call, legal ,, legal, big data ")).toEqual([["on-call", "legal", "big data"], undefined]);
  expect(tagsIn(" , ")).toEqual([[], undefined]);
});

it("says what is too much", () => {
  expect(tagsIn("x".repeat(101))[1]).toMatch(/^A tag has at most 100/);
  expect(tagsIn(Array.from({ length: 101 }, (_, at) => `t${at}`).join())[1]).toMatch(/^Expected at most 100/);
});
