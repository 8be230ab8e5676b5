import assert from "node:assert/strict";
import { test } from "node:test";
import { listen, type PipelineEvent, restClient } from "../src/rest/index.js";
import { EVENT_KINDS } from "../src/rest/types.js";

type Kind = (typeof EVENT_KINDS)[number];
// Fails to compile when the library knows other events than the server.
const known: [Kind, PipelineEvent["event"]] extends [PipelineEvent["event"], Kind] ? true : false = true;

/** An EventSource that does what it is told. */
class Source extends EventTarget {
  static opened: Source[] = [];
  onopen?: () => void;
  onerror?: () => void;
  isClosed = false;

  constructor(readonly url: string) {
    super();
    Source.opened.push(this);
  }

  close(): void {
    this.isClosed = true;
  }

  send(kind: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
  }
}

/** A stream at a server that gives these answers to requests for tickets; what came of it. */
function listening(...answers: (Response | Error)[]) {
  Source.opened = [];
  const asked: string[] = [];
  const seen: string[] = [];
  const answer = async (url: unknown, init?: RequestInit): Promise<Response> => {
    asked.push(`${init?.method} ${String(url)} ${new Headers(init?.headers).get("Authorization")}`);
    const next = answers.shift() ?? Response.json({ ticket: `ticket ${asked.length}`, expires_at: "" });
    if (next instanceof Error) throw next;
    return next;
  };
  const rest = restClient({ url: "http://there", token: () => "t", fetch: answer as typeof fetch });
  const stop = listen(rest, "p", {
    onEvent: ({ event, data }) => seen.push(`${event} ${JSON.stringify(data)}`),
    onOpen: () => seen.push("open"),
    onEnd: ({ code }) => seen.push(`end: ${code}`),
    EventSource: Source as unknown as typeof EventSource,
  });
  return { asked, seen, stop };
}

/** Let everything happen that needs no time. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const refusal = (status: number, code: string, wait?: string): Response =>
  Response.json({ code, detail: code }, { status, headers: wait ? { "Retry-After": wait } : {} });

test("a stream is opened with a ticket, and gives every kind of event", async () => {
  assert(known);
  const { asked, seen, stop } = listening();
  await settled();
  assert.deepEqual(asked, ["POST http://there/api/pipelines/p/events/ticket Bearer t"]);
  const [source] = Source.opened;
  assert.equal(source?.url, "http://there/api/pipelines/p/events?ticket=ticket+1");
  source?.onopen?.();
  for (const kind of EVENT_KINDS) source?.send(kind, { id: kind });
  source?.send("something.new", {});
  assert.deepEqual(seen, ["open", ...EVENT_KINDS.map((kind) => `${kind} {"id":"${kind}"}`)]);
  stop();
  source?.send("comment.created", {});
  assert.equal(seen.length, 1 + EVENT_KINDS.length);
  assert.equal(source?.isClosed, true);
});

test("after a break there is another ticket, later and later, until it is open again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const away = new TypeError("fetch failed");
  const { asked, seen, stop } = listening(Response.json({ ticket: "1" }), away, refusal(503, "draining", "5"));
  await settled();
  Source.opened[0]?.onopen?.();
  Source.opened[0]?.onerror?.();
  assert.equal(Source.opened[0]?.isClosed, true);
  const after = async (ms: number, requests: number): Promise<void> => {
    t.mock.timers.tick(ms - 1);
    await settled();
    assert.equal(asked.length, requests - 1);
    t.mock.timers.tick(1);
    await settled();
    assert.equal(asked.length, requests);
  };
  await after(1_000, 2);
  await after(2_000, 3);
  await after(5_000, 4); // As the server asked.
  Source.opened[1]?.onerror?.();
  await after(8_000, 5);
  Source.opened[2]?.onopen?.();
  Source.opened[2]?.onerror?.();
  await after(1_000, 6);
  assert.deepEqual(seen, ["open", "open"]);
  Source.opened[3]?.onerror?.();
  stop();
  t.mock.timers.tick(100_000);
  await settled();
  assert.equal(asked.length, 6);
});

for (const [status, code] of [
  [401, "unauthenticated"],
  [403, "forbidden"],
  [404, "not_found"],
] as const) {
  test(`a stream ends with ${status}`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { asked, seen } = listening(refusal(status, code));
    await settled();
    t.mock.timers.tick(100_000);
    await settled();
    assert.deepEqual([asked.length, seen], [1, [`end: ${code}`]]);
  });
}

test("a stream that is stopped while its ticket comes is never opened", async () => {
  const { stop, seen } = listening();
  stop();
  await settled();
  assert.deepEqual([Source.opened, seen], [[], []]);
});
