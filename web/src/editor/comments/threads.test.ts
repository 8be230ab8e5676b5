import { expect, test } from "vitest";
import { threadsByStep, threadsOf } from "./threads";

const comment = (id: string, parent: string | null = null, more = {}) =>
  ({ id, parent_id: parent, step_id: "a", resolved: false, detached: false, ...more }) as unknown as Parameters<typeof threadsOf>[0][number];

test("replies stand in their threads, in their order", () => {
  const threads = threadsOf([comment("1"), comment("2", "1"), comment("3"), comment("4", "1")]);
  expect(threads.map(({ root, replies }) => [root.id, replies.map(({ id }) => id)])).toEqual([["1", ["2", "4"]], ["3", []]]);
});

test("resolved threads and those of steps that are gone have no pin", () => {
  const threads = threadsOf([comment("1"), comment("2", null, { resolved: true }), comment("3", null, { detached: true }), comment("4", null, { step_id: null })]);
  expect([...threadsByStep(threads)].map(([step, own]) => [step, own.length])).toEqual([["a", 1]]);
});
