/** Every hook against a server, in a page without a browser: `{url, token, pipeline}` on stdin. */
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { Window } from "happy-dom";
import type { ComponentType, ReactNode } from "react";
import { WebSocket as NodeWebSocket } from "ws";
import * as library from "../src/index.js";

const window = new Window();
// React looks for these when it is loaded.
for (const name of ["window", "document", "navigator"] as const) {
  Object.defineProperty(globalThis, name, { value: window[name], configurable: true });
}
const { createRoot } = await import("react-dom/client");
const hooks = await import("../src/react/hooks.js");

const { url, token, pipeline: id } = JSON.parse(await text(process.stdin));
const options = { url, pipeline: id, token: () => token, WebSocket: NodeWebSocket as unknown as typeof WebSocket };

/** What a hook has returned, each time that its component was rendered. */
interface Probe<T> {
  readonly Component: ComponentType;
  readonly seen: T[];
  now(): T;
}

function probe<T>(hook: () => T): Probe<T> {
  const seen: T[] = [];
  const Component = (): ReactNode => {
    seen.push(hook());
    return null;
  };
  return { Component, seen, now: () => seen.at(-1) as T };
}

/** Wait until something is so, and for no time. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  for (; !isSo(); await pause(2)) assert(Date.now() < end, `expected ${what}`);
}

const A = "00000000-0000-0000-0000-00000000000a";
const B = "00000000-0000-0000-0000-00000000000b";
const BROKEN = "00000000-0000-0000-0000-00000000000c";

const probes = {
  saved: probe(hooks.useSaved),
  room: probe(hooks.useRoom),
  step: probe(() => hooks.useStep(A)),
  others: probe(hooks.useOthers),
  names: probe(() => hooks.useOthers((others) => others.map(({ user }) => ({ name: user.name })))),
  isSaved: probe(() => hooks.useSaved(({ state }) => state === "saved")),
  presence: probe(hooks.useMyPresence),
  undo: probe(hooks.useUndo),
  diagnostics: probe(hooks.useDiagnostics),
  comments: probe(hooks.useComments),
  versions: probe(hooks.useVersions),
  flow: probe(hooks.usePipelineFlow),
  selection: probe(hooks.useSelection),
};
const everything = Object.values(probes).map(({ Component }, at) => <Component key={at} />);
const page = createRoot(window.document.body as unknown as Element);
page.render(<hooks.PipelineRoom {...options}>{everything}</hooks.PipelineRoom>);
const other = library.joinRoom(options);
const theirs = other.pipeline;

/** Do something; return which hooks have rendered their components for it once `isSeen`. */
async function rendered(act: () => unknown, isSeen: () => boolean): Promise<string[]> {
  const before = Object.entries(probes).map(([name, { seen }]) => [name, seen.length] as const);
  act();
  await until(`to see what ${act} does`, isSeen);
  return before.filter(([name, count]) => probes[name as keyof typeof probes].seen.length > count).map(([name]) => name);
}

await until("a page to be saved", () => probes.saved.seen.length > 0 && probes.saved.now().state === "saved");
await until("the other page to be saved", () => other.saved().state === "saved" && other.isLoaded);
await until("both to see each other", () => probes.others.now().length === 1 && other.others().length === 1);
assert.equal(probes.flow.now().isLoading, false);
assert.equal(probes.room.seen.length, 1);
const step = (): library.Step | undefined => probes.step.now().step;
const nodes = () => probes.flow.now().nodes;

// A step: it is drawn anew when it changes, and not when another one does.
const prompt = [{ type: "static", content: "Say" }];
library.addStep(theirs, { id: A, type: "claude", name: "a", config: { prompt } });
await until("the step", () => step()?.name === "a");
const former = step();
const isTwo = (): boolean => nodes().length === 2;
let hit = await rendered(() => library.addStep(theirs, { id: B, type: "claude", name: "b" }), isTwo);
assert(!hit.includes("step") && !hit.includes("others") && !hit.includes("presence"), `drawn anew: ${hit}`);
assert.equal(step(), former);
const kept = nodes()[1];
hit = await rendered(() => library.moveStep(theirs, A, { x: 7, y: 9 }), () => step()?.position.x === 7);
assert(hit.includes("step") && hit.includes("flow") && !hit.includes("undo"), `drawn anew: ${hit}`);
assert.equal(nodes()[1], kept);
assert.deepEqual(probes.step.now().patch({ name: "renamed" }), { ok: true });
// As an editor does that is bound to the text: undo is asked to follow it.
const editor = {};
const stop = probes.undo.now().track(editor);
const words = probes.step.now().text(["prompt", 0, "content"]);
probes.room.now().doc.transact(() => words?.insert(3, " hello."), editor);
stop();
probes.room.now().doc.transact(() => words?.insert(10, "!"), editor);
await until("the other page to have both", () => {
  const { name, config } = theirs.steps().get(A) as library.Step;
  return name === "renamed" && JSON.stringify(config).includes("Say hello.!");
});

// Undo takes back what this page did, whatever others have done since.
assert.equal(probes.undo.now().canUndo, true);
probes.undo.now().undo();
await until("the name and the letters to be taken back", () => theirs.steps().get(A)?.name === "a");
assert.deepEqual(step()?.config["prompt"], [{ type: "static", content: "Say!" }]);
assert.deepEqual(step()?.position, { x: 7, y: 9 });
await until("a page that can redo", () => probes.undo.now().canRedo && !probes.undo.now().canUndo);
library.patchConfig(theirs, B, { model: "theirs" });
probes.undo.now().redo();
await until("the name to be there again", () => theirs.steps().get(A)?.name === "renamed");
probes.undo.now().undo();
await until("the undone edit to be saved", () => theirs.steps().get(A)?.name === "a" && probes.saved.now().state === "saved");
assert.equal(probes.undo.now().canUndo, false);
assert.deepEqual(theirs.steps().get(B)?.config, { model: "theirs" });

// Presence: mine is what I set, part by part; others' is drawn where it is shown.
const [, setPresence] = probes.presence.now();
setPresence({ cursor: { x: 1, y: 2 } });
setPresence({ selection: [A] });
await until("the other page to see both", () => {
  const [mine] = other.others();
  return mine?.cursor?.y === 2 && mine.selection[0] === A;
});
assert.deepEqual(probes.presence.now()[0].cursor, { x: 1, y: 2 });
hit = await rendered(() => other.setPresence({ cursor: { x: 3, y: 4 } }), () => probes.others.now()[0]?.cursor?.x === 3);
assert.deepEqual(hit, ["others"]);
assert.equal(probes.others.now()[0]?.user.name, "Demo Owner");
assert.deepEqual(probes.names.now(), [{ name: "Demo Owner" }]);
other.setPresence({ viewport: { x: -5, y: 0, width: 800, height: 600 } });
await until("what the other page sees", () => probes.others.now()[0]?.viewport?.width === 800);

// A drag: the other page sees it while it lasts, and the step moves when it ends.
const drag = (x: number, dragging: boolean): void =>
  probes.flow.now().onNodesChange([{ type: "position", id: B, position: { x, y: 0 }, dragging }]);
drag(50, true);
await until("the drag to be seen", () => other.others()[0]?.dragging?.[B]?.x === 50);
assert.equal(theirs.steps().get(B)?.position.x, 0);
drag(60, false);
await until("the step to have moved", () => theirs.steps().get(B)?.position.x === 60);
probes.selection.now()[1]([B]);
await until("the selection to be seen", () => other.others()[0]?.selection[0] === B);
assert.deepEqual(probes.selection.now()[0], [B]);
probes.flow.now().onConnect({ source: A, target: B, sourceHandle: null, targetHandle: null });
await until("the connection", () => theirs.connections().size === 1 && probes.flow.now().edges.length === 1);

// Diagnostics come and go with what causes them, and have words.
const found = () => probes.diagnostics.now().filter(({ subject }) => subject === `step:${BROKEN}`);
theirs.roots.steps.set(BROKEN, { type: "claude", order: "zz" });
await until("the fault", () => probes.diagnostics.seen.some((all) => all.some(({ code, subject }) => code === "missing_name" && subject === `step:${BROKEN}`)));
const [fault] = probes.diagnostics.seen.flat().filter(({ subject }) => subject === `step:${BROKEN}`);
assert(fault?.message && fault.suggestion);
await library.remove(theirs, [BROKEN]);
await until("no fault", () => found().length === 0);

// Comments and versions: one's own and others', by events.
const comments = probes.comments.now;
assert.equal(await comments().add({ content: "Why?", step_id: A }), true);
await until("the comment", () => comments().comments.length === 1);
const thread = comments().comments[0]?.id ?? "";
const reply = JSON.stringify({ content: "Because.", parent_id: thread });
const headers = { "Content-Type": "application/json" };
hit = await rendered(
  () => other.request("/comments", { method: "POST", headers, body: reply }),
  () => comments().comments.some(({ parent_id: parent, content }) => parent === thread && content === "Because."),
);
assert.deepEqual(hit, ["comments"]);
// Events of the time without a connection are nowhere; the list is read again after it.
const { provider } = probes.room.now();
provider.configuration.websocketProvider.disconnect();
await until("a page without a connection", () => probes.saved.now().state === "offline");
await other.request("/comments", { method: "POST", headers, body: JSON.stringify({ content: "Meanwhile." }) });
probes.room.now().reconnect();
await until("what was said meanwhile", () => comments().comments.some(({ content }) => content === "Meanwhile."));
assert.equal(await comments().resolve(thread), true);
await until("the comment to be resolved", () => comments().comments.some(({ id, resolved }) => id === thread && resolved));
assert.equal(await comments().remove(BROKEN), false);
assert.equal(await comments().remove(thread), true);
await until("the thread to be gone", () => comments().comments.length === 1);

const versions = probes.versions.now;
assert.equal(await versions().save("as it is"), true);
await until("the version", () => versions().versions.some(({ name }) => name === "as it is"));
const number = versions().versions.find(({ name }) => name === "as it is")?.version_number ?? 0;
library.remove(theirs, [A]);
await until("the step to be gone", () => step() === undefined && nodes().length === 1);
assert.equal(await versions().restore(number), true);
await until("the step to be back", () => step()?.name === "a");
assert.equal(await versions().restore(number + 100), false);

page.unmount();
assert.equal(probes.room.now().provider.isAttached, false);
other.leave();
await window.happyDOM.close();
console.log("done");
