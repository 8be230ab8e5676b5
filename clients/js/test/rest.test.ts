import assert from "node:assert/strict";
import { test } from "node:test";
import { everyItem, RestError, restClient, sessionToken, storedSession } from "../src/rest/index.js";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 23, 9);

/** A token that expires so many hours after NOW, and can be renewed for so many. */
function aToken(hours: number, renewable?: number): string {
  const seconds = (after: number): number => (NOW + after * HOUR) / 1000;
  const until = renewable === undefined ? {} : { renewable_until: seconds(renewable) };
  return `x.${Buffer.from(JSON.stringify({ exp: seconds(hours), name: "Åse…ÿ", ...until })).toString("base64url")}.x`;
}

/** A server that gives these answers in turn, and what it was asked. */
function served(...answers: (Response | Error)[]): { fetch: typeof fetch; asked: [string, RequestInit][] } {
  const asked: [string, RequestInit][] = [];
  const answer = async (url: unknown, init?: RequestInit): Promise<Response> => {
    asked.push([String(url), init ?? {}]);
    const next = answers.shift() ?? new TypeError("expected no further request");
    if (next instanceof Error) throw next;
    return next;
  };
  return { fetch: answer as typeof fetch, asked };
}

const json = (body: unknown, init?: ResponseInit): Response => Response.json(body, init);
const refusal = (of: Promise<unknown>): Promise<RestError> =>
  of.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );

test("a session's token is renewed once, in the second half of its life, and kept", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: NOW });
  const next = { token: aToken(20, 100), expires_at: "", renewable_until: "" };
  const { fetch, asked } = served(json(next), new TypeError("away"));
  const kept: string[] = [];
  const token = sessionToken({ url: "", token: aToken(12, 100), fetch, onToken: (each) => kept.push(each) });
  assert.equal(await token(), aToken(12, 100));
  t.mock.timers.setTime(NOW + 7 * HOUR);
  assert.deepEqual(await Promise.all([token(), token()]), [next.token, next.token]);
  assert.deepEqual(asked.map(([url, { method }]) => `${method} ${url}`), ["POST /api/session"]);
  assert.deepEqual(kept, [next.token]);
  // While it cannot be renewed it is still good; once it is over, nobody is signed in.
  t.mock.timers.setTime(NOW + 19 * HOUR);
  assert.equal(await token(), next.token);
  assert.equal(asked.length, 2);
  t.mock.timers.setTime(NOW + 20 * HOUR);
  assert.equal(await token(), null);
  assert.equal(asked.length, 2);
});

/** A storage, as two windows share one. */
function aStorage(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as Storage;
}

test("a write says by which transaction, if it is known", async () => {
  const { fetch, asked } = served(json({ id: "x" }, { headers: { "Transaction-Id": "4294967295" } }), new Response(null, { status: 204 }));
  const rest = restClient({ url: "", token: () => null, fetch });
  const path = { pipeline_id: "p", comment_id: "c" };
  const patched = await rest.write("patch", "/pipelines/{pipeline_id}/comments/{comment_id}", { path, body: { content: "so" } });
  assert.deepEqual([patched.data.id, patched.transactionId], ["x", 4294967295]);
  const deleted = await rest.write("delete", "/pipelines/{pipeline_id}/comments/{comment_id}", { path });
  assert.deepEqual(deleted, { data: undefined, transactionId: null });
  assert.deepEqual(asked.map(([url, { method }]) => `${method} ${url}`), ["PATCH /api/pipelines/p/comments/c", "DELETE /api/pipelines/p/comments/c"]);
});

test("a browser's token is kept, renewed for all windows, and forgotten", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: NOW });
  const { fetch, asked } = served(json({ token: aToken(20, 100) }));
  const storage = aStorage();
  const [one, other] = [storedSession({ url: "", storage, fetch }), storedSession({ url: "", storage, fetch })];
  let news = 0;
  const stop = one.subscribe(() => news++);
  assert.deepEqual([one.current(), await one.token()], [null, null]);
  one.keep(` ${aToken(12, 100)}\n`);
  assert.deepEqual([await one.token(), await other.token()], [aToken(12, 100), aToken(12, 100)]);
  t.mock.timers.setTime(NOW + 7 * HOUR);
  assert.equal(await one.token(), aToken(20, 100));
  assert.equal(await other.token(), aToken(20, 100));
  assert.deepEqual([asked.length, news], [1, 2]);
  t.mock.timers.setTime(NOW + 20 * HOUR);
  assert.deepEqual([one.current(), await one.token()], [null, null]);
  stop();
  one.keep(null);
  assert.deepEqual([storage.getItem("pipeloom.token"), news], [null, 2]);
});

test("who signs out while a token is renewed stays signed out", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: NOW });
  const { fetch } = served(json({ token: aToken(20, 100) }));
  const session = storedSession({ url: "", storage: aStorage(), fetch });
  session.keep(aToken(12, 100));
  await session.token();
  t.mock.timers.setTime(NOW + 7 * HOUR);
  const asked = session.token();
  session.keep(null);
  assert.deepEqual([await asked, session.current()], [null, null]);
});

test("a token of no session is never renewed, and the server judges what is none", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: NOW });
  const { fetch, asked } = served();
  const plain = sessionToken({ url: "", token: aToken(2), fetch });
  const odd = sessionToken({ url: "", token: "odd", fetch });
  t.mock.timers.setTime(NOW + 1.5 * HOUR);
  assert.equal(await plain(), aToken(2));
  t.mock.timers.setTime(NOW + 3 * HOUR);
  assert.equal(await plain(), null);
  assert.equal(await odd(), "odd");
  assert.deepEqual(asked, []);
});

test("a refusal has the server's problem, and when to come back", async () => {
  const problem = { title: "Too Many Requests", status: 429, code: "too_many_requests", detail: "too many requests: try again in 3 s" };
  const { fetch } = served(
    json(problem, { status: 429, headers: { "Retry-After": "3" } }),
    new Response("<h1>Bad Gateway</h1>", { status: 502 }),
    new TypeError("fetch failed"),
  );
  const rest = restClient({ url: "http://there", token: () => "t", fetch });
  const busy = await refusal(rest.me());
  const expected = [429, "too_many_requests", problem.detail, 3];
  assert.deepEqual([busy.status, busy.code, busy.message, busy.retryAfter], expected);
  assert.deepEqual(busy.problem, problem);
  const proxy = await refusal(rest.me());
  assert.deepEqual([proxy.status, proxy.code, proxy.problem, proxy.retryAfter], [502, "unknown", null, null]);
  const away = await refusal(rest.me());
  assert.deepEqual([away.status, away.code], [0, "unreachable"]);
});

test("types of steps are read once, and again after a failure", async () => {
  const type = { type: "claude", title: "Claude", description: "", family: "model", slots: [], schema: {} };
  const { fetch, asked } = served(new TypeError("fetch failed"), json({ items: [type] }));
  const rest = restClient({ url: "http://there/", token: () => "t", fetch });
  assert.equal((await refusal(rest.stepTypes())).status, 0);
  assert.equal((await rest.stepTypes()).get("claude")?.title, "Claude");
  await rest.stepTypes();
  assert.deepEqual(asked.map(([url]) => url), Array(2).fill("http://there/api/step-types"));
});

test("lists are read page by page, with the filters that were given", async () => {
  const pages = [json({ items: ["a", "b"], next_cursor: "+2" }), json({ items: ["c"], next_cursor: null })];
  const { fetch, asked } = served(...pages);
  const rest = restClient({ url: "http://there", token: () => null, fetch });
  const query = { tag: ["x", "y z"], q: undefined, team: undefined };
  const names: unknown[] = [];
  for await (const one of everyItem((page) => rest.pipelines.list({ ...query, ...page }))) names.push(one);
  assert.deepEqual(names, ["a", "b", "c"]);
  const base = "http://there/api/pipelines?tag=x&tag=y+z";
  assert.deepEqual(asked.map(([url]) => url), [base, `${base}&cursor=%2B2`]);
  assert.equal(new Headers(asked[0]?.[1].headers).has("Authorization"), false);
});

test("a request that was given up says so, and not that the server is away", async () => {
  const given = new AbortController();
  given.abort();
  const { fetch } = served(new DOMException("aborted", "AbortError"));
  const rest = restClient({ url: "", token: () => null, fetch });
  await assert.rejects(rest.pipelines.list({}, { signal: given.signal }), { name: "AbortError" });
});

test("requests are of the types of the API", () => {
  const rest = restClient({ url: "", token: () => null });
  const checked = (): unknown[] => [
    rest.call("get", "/pipelines/{pipeline_id}/yaml", { path: { pipeline_id: "" } }) satisfies Promise<string>,
    rest.call("get", "/me") satisfies Promise<{ name: string }>,
    // @ts-expect-error: the pipeline is missing
    rest.call("get", "/pipelines/{pipeline_id}"),
    // @ts-expect-error: there is no such method
    rest.call("post", "/me"),
    // @ts-expect-error: there is no such filter
    rest.pipelines.list({ colour: "red" }),
    // @ts-expect-error: a name is a text
    rest.pipelines.create({ team_id: "", name: 4 }),
  ];
  assert.equal(typeof checked, "function");
});
