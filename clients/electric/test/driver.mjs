// Electric's clients as they come from npm, and TanStack DB upon them, that obey commands: JSON lines on stdin, JSON
// lines on stdout.
//
//   node driver.mjs
//   {"id": 1, "verb": "shape", "args": ["s", {…options of ShapeStream}]}   ->   {"id": 1, "result": null}
//
// The first argument of a verb is the name of a shape, of a hook, of a collection or of a query.
import { createInterface } from "node:readline";
import { Shape, ShapeStream, isChangeMessage } from "@electric-sql/client";
import * as db from "@tanstack/db";
import { electricCollectionOptions } from "@tanstack/electric-db-collection";
import { Window } from "happy-dom";

// React, and the library by which the client reads server-sent events, look for these of a browser.
const window = new Window();
for (const name of ["window", "document", "navigator"]) {
  Object.defineProperty(globalThis, name, { value: window[name], configurable: true });
}
const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useShape } = await import("@electric-sql/react");

// It warns of many streams over HTTP/1.1, which only browsers count.
console.warn = () => {};

const opened = new Map();

/** Notes each request, and what came of it. */
function noted(requests) {
  return async (input, init) => {
    const url = new URL(input);
    const asked = Object.fromEntries(url.searchParams);
    const request = { method: init?.method ?? "GET", ...asked, status: null, type: null, caching: null };
    requests.push(request);
    const response = await fetch(input, init);
    request.status = response.status;
    request.type = response.headers.get("content-type");
    request.caching = response.headers.get("cache-control");
    request.buffering = response.headers.get("x-accel-buffering");
    return response;
  };
}

/** What a client is given: an abort signal and notes of its requests besides the options. */
function optionsOf(options) {
  const requests = [];
  const ends = new AbortController();
  const errors = [];
  const given = {
    ...options,
    signal: ends.signal,
    fetchClient: noted(requests),
    onError: (error) => void errors.push(String(error.message ?? error)),
  };
  return { given, notes: { requests, errors, ends } };
}

const verbs = {
  // A stream, and the shape that it makes.
  shape: (name, options) => {
    const { given, notes } = optionsOf(options);
    const stream = new ShapeStream(given);
    const messages = [];
    stream.subscribe((batch) => void messages.push(...batch), (error) => void notes.errors.push(error.message));
    opened.set(name, { ...notes, stream, messages, shape: new Shape(stream) });
  },
  look: (name) => {
    const { shape, stream, messages, requests, errors } = opened.get(name);
    const { lastOffset, shapeHandle } = stream;
    return {
      rows: shape.currentRows, messages, requests, errors, lastOffset, handle: shapeHandle,
      isUpToDate: stream.isUpToDate, isConnected: stream.isConnected(),
    };
  },
  changes: (name) => opened.get(name).messages.filter(isChangeMessage),
  snapshot: async (name, subset) => (await opened.get(name).stream.requestSnapshot(subset)).data,

  // A component of React.
  hook: (name, options) => {
    const { given, notes } = optionsOf(options);
    const seen = {};
    const Rows = () => {
      const { data, isLoading, isError } = useShape(given);
      Object.assign(seen, { data, isLoading, isError });
      return createElement("ul", null, data.map(({ id, name: label }) => createElement("li", { key: id }, label)));
    };
    const root = window.document.createElement("div");
    createRoot(root).render(createElement(Rows));
    opened.set(name, { ...notes, root, seen });
  },
  shown: (name) => {
    const { root, seen, requests, errors } = opened.get(name);
    return { ...seen, items: [...root.querySelectorAll("li")].map((item) => item.textContent), requests, errors };
  },

  // A collection of TanStack DB. `rest` is where its writes go.
  collect: (name, { shape, rest, ...options }) => {
    const { given, notes } = optionsOf(shape);
    const write = async (method, path, body) => {
      const headers = { ...shape.headers, "content-type": "application/json" };
      const answer = await fetch(rest.url + path, { method, headers, body: body && JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      const transaction = answer.headers.get("transaction-id");
      written.push(transaction);
      return transaction === null ? undefined : { txid: Number(transaction), timeout: 20_000 };
    };
    const written = [];
    const handlers = rest && {
      onInsert: ({ transaction: { mutations: [{ modified }] } }) => write("POST", "", fieldsOf(modified)),
      onUpdate: ({ transaction: { mutations: [{ original, changes }] } }) =>
        write("PATCH", `/${original.id}`, fieldsOf(changes)),
      onDelete: ({ transaction: { mutations: [{ original }] } }) => write("DELETE", `/${original.id}`),
    };
    const getKey = (row) => row.id;
    const config = electricCollectionOptions({ id: name, getKey, shapeOptions: given, ...options, ...handlers });
    const collection = db.createCollection({ ...config, autoIndex: "eager", defaultIndexType: db.BasicIndex });
    collection.subscribeChanges(() => {});
    opened.set(name, { ...notes, collection, written });
  },
  rows: (name) => {
    const { collection, requests, errors, written } = opened.get(name);
    return { status: collection.status, rows: [...collection.toArray].map(plain), requests, errors, written };
  },
  // Each answers when the transaction is through, with what was shown before.
  insert: (name, row) => persisted(name, (collection) => collection.insert(row)),
  update: (name, id, changes) =>
    persisted(name, (collection) => collection.update(id, (draft) => void Object.assign(draft, changes))),
  delete: (name, id) => persisted(name, (collection) => collection.delete(id)),
  await_transaction: (name, id) => opened.get(name).collection.utils.awaitTxId(id, 20_000),

  // Live queries upon collections.
  first: (name, source, { order, limit, where = {} }) => {
    const { collection: rows } = opened.get(source);
    const collection = db.createLiveQueryCollection({
      startSync: true,
      query: (q) => {
        let query = q.from({ rows });
        for (const [column, value] of Object.entries(where)) query = query.where(({ rows: r }) => db.eq(r[column], value));
        return query.orderBy(({ rows: r }) => r[order]).limit(limit);
      },
    });
    keep(name, collection);
  },
  // Rows that fulfil an expression: ["and", ["gt", "$position_x", 1], ["inArray", "$name", ["a", "b"]]].
  matching: (name, source, expression, order = []) => {
    const { collection: rows } = opened.get(source);
    const collection = db.createLiveQueryCollection({
      startSync: true,
      query: (q) => {
        let query = q.from({ rows }).where(({ rows: row }) => termOf(row, expression));
        for (const [column, options] of order) query = query.orderBy(({ rows: row }) => row[column], options);
        return order.length ? query.limit(3) : query;
      },
    });
    keep(name, collection);
  },
  // Each row of one collection with how many rows of another one belong to it.
  counts: (name, source, belonging, column) => {
    const { collection: rows } = opened.get(source);
    const { collection: others } = opened.get(belonging);
    const collection = db.createLiveQueryCollection({
      startSync: true,
      query: (q) => {
        const counted = q
          .from({ others })
          .groupBy(({ others: other }) => other[column])
          .select(({ others: other }) => ({ belongs: other[column], number: db.count(other.id) }));
        return q
          .from({ rows })
          .leftJoin({ counted }, ({ rows: row, counted: each }) => db.eq(row.id, each.belongs))
          .select(({ rows: row, counted: each }) => ({ id: row.id, number: each?.number }));
      },
    });
    keep(name, collection);
  },

  end: (name) => {
    const { ends, collection, stream } = opened.get(name);
    ends?.abort();
    stream?.unsubscribeAll();
    collection?.cleanup();
    opened.delete(name);
  },
};

/** An expression as TanStack DB has it; `$name` is a column. */
function termOf(row, term) {
  if (typeof term === "string" && term.startsWith("$")) return row[term.slice(1)];
  if (!Array.isArray(term) || typeof db[term[0]] !== "function") return term;
  return db[term[0]](...term.slice(1).map((each) => termOf(row, each)));
}

/** Keeps a live query: one that nobody listens to ends after some seconds. */
function keep(name, collection) {
  collection.subscribeChanges(() => {});
  opened.set(name, { collection, requests: [], errors: [] });
}

/** A row as REST takes it: only what a step or a comment has there. */
function fieldsOf({ id, name, type, position_x: x, position_y: y, content, resolved }) {
  const position = x === undefined || y === undefined ? undefined : { x, y };
  return { id: content === undefined && type ? id : undefined, name, type, position, content, resolved };
}

async function persisted(name, change) {
  const { collection } = opened.get(name);
  const transaction = change(collection);
  const meanwhile = [...collection.toArray].map(plain);
  await transaction.isPersisted.promise;
  return { meanwhile, afterwards: [...collection.toArray].map(plain) };
}

/** A row without what TanStack adds to it. */
const plain = (row) => Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("$")));

const asText = (_, value) => (typeof value === "bigint" ? String(value) : value);

async function obey({ id, verb, args }) {
  try {
    answer({ id, result: (await verbs[verb](...args)) ?? null });
  } catch (error) {
    answer({ id, error: String(error?.message ?? error) });
  }
}

const answer = (line) => process.stdout.write(`${JSON.stringify(line, asText)}\n`);

// A stream that is ended rejects where nobody awaits it.
process.on("unhandledRejection", () => {});

for await (const line of createInterface({ input: process.stdin })) void obey(JSON.parse(line));
process.exit(0);
