import assert from "node:assert/strict";
import { test } from "node:test";
import { coalesced, readList } from "../src/react/lists.js";

/** A list of so many numbers, of which the server gives three at a time. */
function listed(count: number): { request: (path: string) => Promise<Response>; asked: string[] } {
  const asked: string[] = [];
  const request = async (path: string): Promise<Response> => {
    asked.push(path);
    const start = Number(new URL(path, "http://there").searchParams.get("cursor") ?? 0);
    const items = [0, 1, 2].map((at) => start + at).filter((item) => item < count);
    return Response.json({ items, next_cursor: start + 3 < count ? String(start + 3) : null });
  };
  return { request, asked };
}

test("a list is read to its end, but no further than asked", async () => {
  const { request, asked } = listed(7);
  assert.deepEqual(await readList({ request }, "/comments", 100), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(asked, ["/comments?limit=200", "/comments?limit=200&cursor=3", "/comments?limit=200&cursor=6"]);
  assert.deepEqual(await readList({ request }, "/versions", 4), [0, 1, 2, 3, 4, 5]);
});

test("a list that cannot be read is none, whatever the reason", async () => {
  const refused = async (): Promise<Response> => new Response("", { status: 503 });
  assert.equal(await readList({ request: refused }, "/comments", 9), null);
  const away = async (): Promise<Response> => Promise.reject(new TypeError("fetch failed"));
  assert.equal(await readList({ request: away }, "/comments", 9), null);
});

test("calls while a list is read lead to one more reading", async () => {
  const ends: (() => void)[] = [];
  const reload = coalesced(() => new Promise((resolve) => ends.push(resolve)));
  for (let call = 0; call < 5; call++) reload();
  assert.equal(ends.length, 1);
  ends[0]?.();
  await new Promise(setImmediate);
  assert.equal(ends.length, 2);
  ends[1]?.();
  await new Promise(setImmediate);
  assert.equal(ends.length, 2);
  reload();
  assert.equal(ends.length, 3);
});
