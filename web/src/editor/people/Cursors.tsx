/**
 * The others' cursors: an overlay that is written once per animation frame and by no component, since
 * twenty cursors as state of the page cost twice as much. Inside `<ReactFlow>`, which knows the viewport.
 */
import { useReactFlow, useStoreApi } from "@xyflow/react";
import type { Other } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { type ReactNode, useEffect, useRef } from "react";
import { personColor } from "../../theme/people";
import styles from "./Cursors.module.css";

const STILL_MS = 10_000;
const SEND_MS = 50;

export function Cursors(): ReactNode {
  const overlay = useRef<HTMLDivElement>(null);
  useOthersCursors(overlay);
  useOwnCursor();
  return <div ref={overlay} className={styles.overlay} aria-hidden="true" />;
}

interface Drawn {
  readonly element: HTMLElement;
  cursor: Other["cursor"];
  movedAt: number;
}

function useOthersCursors(overlay: { readonly current: HTMLElement | null }): void {
  const room = useRoom();
  const store = useStoreApi();
  useEffect(() => {
    const drawn = new Map<number, Drawn>();
    let frame = 0;
    const draw = (): void => {
      frame = 0;
      if (overlay.current) drawAll(overlay.current, drawn, room.others(), store.getState().transform);
    };
    const request = (): void => void (frame ||= requestAnimationFrame(draw));
    const stops = [room.subscribe(request), store.subscribe(request)];
    const fading = setInterval(request, 1000);
    request();
    return () => {
      for (const stop of stops) stop();
      clearInterval(fading);
      cancelAnimationFrame(frame);
      overlay.current?.replaceChildren();
    };
  }, [room, store, overlay]);
}

function drawAll(overlay: HTMLElement, drawn: Map<number, Drawn>, others: readonly Other[], [x, y, zoom]: readonly [number, number, number]): void {
  const now = performance.now();
  const gone = new Set(drawn.keys());
  for (const { clientId, user, cursor } of others) {
    if (cursor === null) continue;
    gone.delete(clientId);
    const each = drawn.get(clientId) ?? added(overlay, drawn, clientId, user);
    if (each.cursor !== cursor) [each.cursor, each.movedAt] = [cursor, now];
    each.element.style.transform = `translate(${cursor.x * zoom + x}px, ${cursor.y * zoom + y}px)`;
    each.element.style.opacity = now - each.movedAt > STILL_MS ? "0" : "1";
  }
  for (const clientId of gone) {
    drawn.get(clientId)?.element.remove();
    drawn.delete(clientId);
  }
}

const ARROW = "M1 1v13l3.6-3.1 2.2 5 2.3-1-2.2-4.9H12z";
const SVG = "http://www.w3.org/2000/svg";

function added(overlay: HTMLElement, drawn: Map<number, Drawn>, clientId: number, user: Other["user"]): Drawn {
  const element = document.createElement("div");
  element.className = styles["cursor"] ?? "";
  element.style.setProperty("--person", personColor(user.id));
  const arrow = document.createElementNS(SVG, "svg");
  arrow.append(document.createElementNS(SVG, "path"));
  arrow.firstElementChild?.setAttribute("d", ARROW);
  const name = document.createElement("span");
  name.textContent = user.name;
  element.append(arrow, name);
  overlay.append(element);
  const made = { element, cursor: null, movedAt: 0 };
  drawn.set(clientId, made);
  return made;
}

/** Show this window's pointer to the others, at most every 50 ms, and take it back when it leaves the canvas. */
function useOwnCursor(): void {
  const room = useRoom();
  const flow = useReactFlow();
  const latest = useRef(flow);
  latest.current = flow;
  useEffect(() => {
    let sentAt = 0;
    const move = ({ target, clientX: x, clientY: y, timeStamp }: PointerEvent): void => {
      const isOver = target instanceof Element && target.closest(".react-flow") !== null;
      if (isOver && timeStamp - sentAt < SEND_MS) return;
      if (!isOver && (room.awareness.getLocalState()?.["cursor"] ?? null) === null) return;
      sentAt = timeStamp;
      room.setPresence({ cursor: isOver ? latest.current.screenToFlowPosition({ x, y }, { snapToGrid: false }) : null });
    };
    const leave = (): void => room.setPresence({ cursor: null });
    document.addEventListener("pointermove", move, { passive: true });
    document.documentElement.addEventListener("pointerleave", leave);
    return () => {
      document.removeEventListener("pointermove", move);
      document.documentElement.removeEventListener("pointerleave", leave);
    };
  }, [room]);
}
