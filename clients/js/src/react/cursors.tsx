/** The cursors of the others on the canvas, and this user's to them. */
import { useReactFlow, ViewportPortal } from "@xyflow/react";
import { type CSSProperties, type ReactNode, useEffect, useRef } from "react";
import { useOthers, useRoom } from "./hooks.js";

const CURSOR_MS = 50;

/** Put it inside `<ReactFlow>`. It draws each cursor with its user's name and colour. */
export function Cursors(): ReactNode {
  const others = useOthers();
  useOwnCursor();
  return (
    <ViewportPortal>
      {others.map(({ clientId, user, cursor }) =>
        cursor === null ? null : (
          <div key={clientId} className="pipeloom-cursor" style={placed(cursor.x, cursor.y)}>
            <svg width="14" height="18" viewBox="0 0 14 18" aria-hidden="true">
              <path d="M1 1v14l4-3.5L7.5 17l2.5-1-2.5-5.5H13z" fill={user.color} stroke="#fff" />
            </svg>
            <span style={{ ...LABEL, background: user.color }}>{user.name}</span>
          </div>
        ),
      )}
    </ViewportPortal>
  );
}

const LABEL: CSSProperties = { color: "#fff", font: "11px system-ui", padding: "1px 6px", borderRadius: 6 };

const placed = (x: number, y: number): CSSProperties => {
  return { position: "absolute", transform: `translate(${x}px, ${y}px)`, pointerEvents: "none", zIndex: 10 };
};

/** Show this user's pointer over the canvas to the others, at most every 50 ms. */
function useOwnCursor(): void {
  const room = useRoom();
  const flow = useReactFlow();
  const latest = useRef(flow);
  latest.current = flow;
  useEffect(() => {
    let sentAt = 0;
    const move = ({ target, clientX: x, clientY: y }: PointerEvent): void => {
      const isOver = target instanceof Element && target.closest(".react-flow") !== null;
      const now = Date.now();
      if (isOver && now - sentAt < CURSOR_MS) return;
      const had = room.awareness.getLocalState()?.["cursor"] ?? null;
      if (!isOver && had === null) return;
      sentAt = now;
      room.setPresence({ cursor: isOver ? latest.current.screenToFlowPosition({ x, y }) : null });
    };
    document.addEventListener("pointermove", move);
    return () => document.removeEventListener("pointermove", move);
  }, [room]);
}
