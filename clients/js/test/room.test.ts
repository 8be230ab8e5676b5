import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import * as Y from "yjs";
import { WebSocket as NodeWebSocket, WebSocketServer, type WebSocket as Socket } from "ws";
import { addStep, joinRoom, type Saved } from "../src/index.js";

const PIPELINE = "6a8d9e3c-1a52-4bb5-9c50-40b45b4c6b1e";

const text = (each: string): number[] => [Buffer.byteLength(each), ...Buffer.from(each)];
const message = (...content: readonly number[]): Uint8Array => Uint8Array.from([...text(PIPELINE), ...content]);

/** A denial of the document, as the server writes it: varString address, 2, 1, varString reason. */
const denial = (reason: string): Uint8Array => message(2, 1, ...text(reason));

/** Join a room at a server that answers the first message so; return how often it was tried, and what is shown. */
async function joined(answer: (socket: Socket) => void, state: Saved["state"]): Promise<[number, Saved]> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    socket.once("message", () => answer(socket));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const room = joinRoom({ url, pipeline: PIPELINE, token: () => "t", WebSocket: NodeWebSocket as never });
  const left = once(server, "connection").then(async ([socket]) => once(socket, "close"));
  await new Promise<void>((resolve) => {
    const look = (): void => void (room.saved().state === state && room.saved().reason && resolve());
    room.subscribe(look);
  });
  await left;
  const seen = room.saved();
  room.leave();
  server.close();
  return [connections, seen];
}

const ENDS: readonly (readonly [code: number, state: Saved["state"]])[] = [
  [4400, "read only"],
  [4401, "signed out"],
  [4403, "gone"],
  [4404, "gone"],
  [4413, "read only"],
];

for (const [code, state] of ENDS) {
  test(`${code} is ${state}, whatever the words`, async () => {
    for (const reason of ["ask the owner", "pipeline, member, token: too big\nor so"]) {
      const expected = [1, { state, unsaved: 0, reason, code }];
      assert.deepEqual(await joined((socket) => socket.send(denial(`${code} ${reason}`)), state), expected);
      assert.deepEqual(await joined((socket) => socket.close(code, reason), state), expected);
    }
  });
}

test("what the server has refused is sent once more on demand", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  let connections = 0;
  server.on("connection", (socket) => {
    // The first connection takes no edit, the next one does.
    const accepts = Number(connections++ > 0);
    socket.on("message", (data: Buffer) => {
      const [type, step] = data.subarray(1 + PIPELINE.length);
      if (type === 2) for (const each of [[2, 2, ...text("read-write")], [0, 0, 1, 0], [0, 1, 2, 0, 0]]) socket.send(message(...each));
      if (type === 0 && step !== 0) socket.send(message(8, accepts));
    });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const room = joinRoom({ url, pipeline: PIPELINE, token: () => "t", WebSocket: NodeWebSocket as never });
  const until = (state: Saved["state"]): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (room.saved().state === state && resolve());
      room.subscribe(look);
      look();
    });
  addStep(room.pipeline, { type: "claude" });
  await until("read only");
  assert.match(room.saved().reason, /refused an edit/);
  room.reconnect();
  await until("saved");
  assert.deepEqual([connections, room.saved().unsaved], [2, 0]);
  room.leave();
  server.close();
});

test("a server that cannot store edits says why, and that it can again", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const waiting: (() => void)[] = [];
  const say = (socket: Socket, payload: unknown): void => {
    const bytes = Buffer.from(JSON.stringify(payload));
    socket.send(message(5, bytes.length, ...bytes));
  };
  const full = { event: "storage.failing", data: { reason: "its disk is full" } };
  server.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      const [type, step] = data.subarray(1 + PIPELINE.length);
      if (type === 2) for (const each of [[2, 2, ...text("read-write")], [0, 0, 1, 0], [0, 1, 2, 0, 0]]) socket.send(message(...each));
      if (type !== 0 || step === 0) return;
      // What another client says is no word of the server.
      say(socket, { from: { id: "x" }, payload: JSON.stringify(full) });
      say(socket, full);
      waiting.push(() => socket.send(message(8, 1)));
      waiting.push(() => say(socket, { event: "storage.restored", data: {} }));
    });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const room = joinRoom({ url, pipeline: PIPELINE, token: () => "t", WebSocket: NodeWebSocket as never });
  const until = (state: Saved["state"]): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (room.saved().state === state && resolve());
      room.subscribe(look);
      look();
    });
  room.onEvent(({ event }) => assert.fail(`${event} is nothing that a page has to know of`));
  addStep(room.pipeline, { type: "claude" });
  await until("behind");
  assert.equal(room.saved().reason, "its disk is full");
  assert.ok(room.saved().unsaved > 0);
  for (const go of waiting) go();
  await until("saved");
  assert.deepEqual(room.saved(), { state: "saved", unsaved: 0, reason: "" });
  room.leave();
  server.close();
});

test("a copy with a stand-in for lost edits is dropped, but not before all is saved", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const waiting: (() => void)[] = [];
  server.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      const [type, step] = data.subarray(1 + PIPELINE.length);
      if (type === 2) for (const each of [[2, 2, ...text("read-write")], [0, 0, 1, 0], [0, 1, 2, 0, 0]]) socket.send(message(...each));
      if (type === 0 && step !== 0) waiting.push(() => socket.send(message(8, 1)));
    });
  });
  for (const root of ["pipeloom:lost:7:0", "steps"]) {
    let cleared = 0;
    class Copy {
      readonly whenSynced = Promise.resolve();
      constructor(_name: string, doc: Y.Doc) {
        const source = new Y.Doc();
        source.getText(root).insert(0, " ");
        Y.applyUpdate(doc, Y.encodeStateAsUpdate(source), this);
      }
      get = async (): Promise<unknown> => 1;
      set = async (): Promise<unknown> => undefined;
      destroy = async (): Promise<unknown> => undefined;
      clearData = async (): Promise<unknown> => (cleared += 1);
    }
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const room = joinRoom({ url, pipeline: PIPELINE, token: () => "t", WebSocket: NodeWebSocket as never, offline: Copy });
    const until = (state: Saved["state"]): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => void (room.saved().state === state && resolve());
        room.subscribe(look);
        look();
      });
    await until("saving");
    assert.equal(cleared, 0);
    const answering = setInterval(() => waiting.splice(0).forEach((go) => go()), 10);
    await until("saved");
    clearInterval(answering);
    assert.equal(cleared, root === "steps" ? 0 : 1);
    room.leave();
  }
  server.close();
});
