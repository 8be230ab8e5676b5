import "@xyflow/react/dist/style.css";
import { Background, Controls, ReactFlow } from "@xyflow/react";
import { addStep } from "pipeloom-client";
import { Cursors, PipelineRoom, useOthers, usePipelineFlow, useRoom, useSaved, useUndo } from "pipeloom-client/react";
import { createRoot } from "react-dom/client";
import { IndexeddbPersistence } from "y-indexeddb";

// Open the page as http://localhost:5173/#url=http://127.0.0.1:8000&pipeline=ID&token=TOKEN
const given = new URLSearchParams(location.hash.slice(1));
const url = given.get("url") ?? "http://127.0.0.1:8000";
// A real page asks its own server here; the function is called again before a token expires.
const token = async () => given.get("token");

function Toolbar() {
  const { pipeline } = useRoom();
  const { state, unsaved, reason } = useSaved();
  const { undo, redo, canUndo, canRedo } = useUndo();
  const others = useOthers();
  const add = () => {
    const added = addStep(pipeline, { type: "claude", position: { x: 80, y: 80 } });
    if (!added.ok) alert(added.refused.message);
  };
  return (
    <header style={{ display: "flex", gap: 12, padding: 8 }}>
      <output title={reason}>{unsaved > 0 ? `${state} (${unsaved})` : state}</output>
      <button onClick={add} disabled={state === "read only"}>Add step</button>
      <button onClick={undo} disabled={!canUndo}>Undo</button>
      <button onClick={redo} disabled={!canRedo}>Redo</button>
      {others.map(({ clientId, user }) => (
        <span key={clientId} className="other" style={{ color: user.color }}>{user.name}</span>
      ))}
    </header>
  );
}

function Canvas() {
  const { isLoading, ...flow } = usePipelineFlow();
  if (isLoading) return <p>Loading…</p>;
  return (
    <ReactFlow {...flow} fitView onlyRenderVisibleElements>
      <Background />
      <Controls />
      <Cursors />
    </ReactFlow>
  );
}

createRoot(document.getElementById("root")!).render(
  <PipelineRoom url={url} pipeline={given.get("pipeline") ?? ""} token={token} offline={IndexeddbPersistence}>
    <div style={{ display: "flex", flexDirection: "column", height: "100vh" }}>
      <Toolbar />
      <Canvas />
    </div>
  </PipelineRoom>,
);
