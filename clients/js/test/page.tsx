/** A page that has every hook in use, and obeys: `window.drive(command, …)`. */
import { Background, ReactFlow } from "@xyflow/react";
import { type ReactNode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { IndexeddbPersistence } from "y-indexeddb";
import { type Room, undoOf } from "../src/index.js";
import {
  Cursors,
  PipelineRoom,
  useComments,
  useDiagnostics,
  useMyPresence,
  useOthers,
  usePipelineFlow,
  useRoom,
  useSaved,
  useStep,
  useUndo,
  useVersions,
} from "../src/react/index.js";
import { commandsOf, type Commands, Witness } from "./driven.js";
import { tryEverything } from "./everything.js";

declare global {
  interface Window {
    drive?: (command: string, ...given: unknown[]) => unknown;
  }
}

const given = new URLSearchParams(location.hash.slice(1));
const pipeline = given.get("pipeline") ?? "";
let token = given.get("token");
let tokensAsked = 0;

const askToken = (): string | null => {
  tokensAsked += 1;
  return token;
};

/** The client ids whose edits this page has: its own, and those before a restart of the browser. */
function clientsOf(room: Room): number[] {
  if (!given.has("offline")) return [room.doc.clientID];
  const all = [...(JSON.parse(localStorage.getItem(pipeline) ?? "[]") as number[]), room.doc.clientID];
  localStorage.setItem(pipeline, JSON.stringify(all));
  return all;
}

/** Wait until everything so far is in the browser's copy. */
function kept(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(`pipeloom:${url}:${pipeline}`);
    opening.onerror = reject;
    opening.onsuccess = () => {
      // It waits for all transactions before it.
      const transaction = opening.result.transaction(["updates", "custom"], "readwrite", { durability: "strict" });
      transaction.objectStore("custom").get("unsaved");
      transaction.onabort = reject;
      transaction.oncomplete = () => {
        opening.result.close();
        resolve();
      };
    };
  });
}

function Driver(): null {
  const room = useRoom();
  useEffect(() => {
    const undo = undoOf(room.pipeline, { captureTimeout: 0 });
    const all = commandsOf(room, undo, new Witness(room, clientsOf(room)));
    const own: Commands = {
      token: (next) => {
        token = next;
      },
      look: () => ({ ...(all["look"]?.() as object), tokensAsked, shown: document.querySelector("output")?.textContent }),
      kept: () => kept(given.get("url") ?? ""),
      everything: () => tryEverything(room.pipeline, 3),
      notes: () => room.doc.getMap("notes").toJSON(),
    };
    window.drive = (command, ...rest) => (own[command] ?? all[command])?.(...rest);
    return () => undo.destroy();
  }, [room]);
  return null;
}

/** How many of a list are drawn, which costs more than to read them all. */
const SHOWN = 50;

function StepView({ id }: { readonly id: string }): ReactNode {
  const { step, text } = useStep(id);
  return <li>{`${step?.name}: ${step?.type} ${text(["prompt"])}`}</li>;
}

function Panel(): ReactNode {
  const { state, unsaved, reason } = useSaved();
  const { comments } = useComments();
  const { versions } = useVersions();
  const { canUndo } = useUndo();
  const [presence] = useMyPresence();
  return (
    <aside>
      <output title={reason}>{unsaved > 0 ? `${state} (${unsaved})` : state}</output>
      <p>{`${comments.length} comments, ${versions.length} versions, ${canUndo}, ${presence.selection?.length ?? 0} selected`}</p>
      <ul className="others">
        {useOthers().map(({ clientId, user, status }) => <li key={clientId}>{`${user.name} ${status}`}</li>)}
      </ul>
      <ul className="diagnostics">
        {useDiagnostics().slice(-SHOWN).map(({ subject, code, message }) => <li key={`${subject} ${code}`}>{message}</li>)}
      </ul>
    </aside>
  );
}

function Canvas(): ReactNode {
  const { isLoading, ...flow } = usePipelineFlow();
  if (isLoading) return <p>Loading…</p>;
  return (
    <>
      <div style={{ height: 500 }}>
        <ReactFlow {...flow} fitView>
          <Background />
          <Cursors />
        </ReactFlow>
      </div>
      <ol>{flow.nodes.slice(-SHOWN).map(({ id }) => <StepView key={id} id={id} />)}</ol>
    </>
  );
}

const offline = given.has("offline") ? { offline: IndexeddbPersistence } : {};
createRoot(document.getElementById("root") as HTMLElement).render(
  <PipelineRoom url={given.get("url") ?? ""} pipeline={pipeline} token={askToken} {...offline}>
    <Driver />
    <Panel />
    <Canvas />
  </PipelineRoom>,
);
