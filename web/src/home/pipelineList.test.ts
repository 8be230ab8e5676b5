import type { ListedPipeline } from "pipeloom-client/rest";
import { beforeEach, expect, it } from "vitest";
import { type Asked, PAGE_SIZE, PipelineList } from "./pipelineList";

/** The server's list, in its order. */
let there: string[] = [];
let asked: Asked[] = [];

const pipeline = (id: string): ListedPipeline => ({ id, name: `${id} named` }) as ListedPipeline;

/** A server whose cursor is the last id of a page. */
const read = async (query: Asked) => {
  asked.push(query);
  const from = query.cursor === undefined ? 0 : there.indexOf(query.cursor) + 1;
  const matching = query.id === undefined ? there.slice(from) : there.filter((id) => query.id?.includes(id));
  const page = matching.slice(0, query.limit);
  return { items: page.map(pipeline), next_cursor: matching.length > page.length ? (page.at(-1) ?? null) : null };
};

const ids = (list: PipelineList): (string | undefined)[] => (list.get().items ?? []).map(({ id }) => id);
const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `p${at}`);

beforeEach(() => {
  there = numbered(150);
  asked = [];
});

it("reads page by page to the end, each once", async () => {
  const list = new PipelineList(read);
  await Promise.all([list.more(), list.more()]);
  expect(ids(list)).toEqual(there.slice(0, PAGE_SIZE));
  await list.more();
  await list.more();
  await list.more();
  expect([ids(list), list.get().hasMore, asked.length]).toEqual([there, false, 3]);
});

it("shows the first page anew, with what slid behind it, and without what is gone", async () => {
  const list = new PipelineList(read);
  await list.more();
  await list.more();
  there = ["new", "p80", ...there.filter((id) => id !== "p80" && id !== "p3")];
  await list.refresh(["p61"], true);
  expect(ids(list)).toEqual(there.slice(0, 120));
});

it("takes deleted ones out where somebody looks, and leaves the rest alone", async () => {
  const list = new PipelineList(read);
  await list.more();
  await list.more();
  there = there.filter((id) => id !== "p70");
  await list.refresh(["p69", "p70", "p71"], true);
  expect(asked.at(-1)).toEqual({ limit: 100, id: ["p69", "p70", "p71"] });
  expect(ids(list)).toEqual(numbered(120).filter((id) => id !== "p70"));
});

it("moves nothing while rows must stay", async () => {
  const list = new PipelineList(read);
  await list.more();
  there = ["new", ...there.reverse()];
  await list.refresh([], false);
  expect(ids(list)).toEqual(numbered(PAGE_SIZE));
});

it("keeps what was read when a request fails, and says why", async () => {
  let isAway = false;
  const list = new PipelineList((query) => (isAway ? Promise.reject(new Error("away")) : read(query)));
  await list.more();
  isAway = true;
  await list.refresh([], true);
  expect([ids(list).length, list.get().error?.message]).toEqual([PAGE_SIZE, "away"]);
  isAway = false;
  await list.refresh([], true);
  expect(list.get().error).toBeUndefined();
});

it("shows changes at once", async () => {
  const list = new PipelineList(read);
  await list.more();
  list.patch("p1", { name: "renamed" });
  list.remove("p0");
  expect(list.get().items?.[0]).toEqual({ id: "p1", name: "renamed" });
});
