/** What the others see of this window on the canvas: the pointer, and what part of it is seen. */
import { useReactFlow, useStoreApi } from "@xyflow/react";
import type { Presence } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { useEffect, useRef } from "react";

const SEND_MS = 50;

type Shown = Pick<Presence, "cursor" | "viewport">;

/** Show them at most every 50 ms, and take them back when the pointer leaves, or the canvas is closed. */
export function useOwnPresence(): void {
  const room = useRoom();
  const store = useStoreApi();
  const flow = useReactFlow();
  const latest = useRef(flow);
  latest.current = flow;
  useEffect(() => {
    let pointer: { readonly x: number; readonly y: number } | null = null;
    const read = (): Shown => {
      const { transform: [x, y, zoom], width, height } = store.getState();
      const viewport = { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
      const cursor = pointer && latest.current.screenToFlowPosition(pointer, { snapToGrid: false });
      return { cursor: cursor && rounded(cursor), viewport: width > 0 ? rounded(viewport) : null };
    };
    const { request, stop } = throttled(() => {
      const shown = read();
      const former = room.awareness.getLocalState() as Shown | null;
      if (JSON.stringify([shown.cursor, shown.viewport]) !== JSON.stringify([former?.cursor, former?.viewport])) room.setPresence(shown);
    });
    const move = ({ target, clientX: x, clientY: y }: PointerEvent): void => {
      const isOver = target instanceof Element && target.closest(".react-flow") !== null;
      const isNews = isOver || pointer !== null;
      pointer = isOver ? { x, y } : null;
      if (isNews) request();
    };
    const leave = (): void => {
      pointer = null;
      request();
    };
    const seen = store.subscribe((state, former) => {
      if (state.transform !== former.transform || state.width !== former.width || state.height !== former.height) request();
    });
    document.addEventListener("pointermove", move, { passive: true });
    document.documentElement.addEventListener("pointerleave", leave);
    request();
    return () => {
      seen();
      stop();
      document.removeEventListener("pointermove", move);
      document.documentElement.removeEventListener("pointerleave", leave);
      room.setPresence({ cursor: null, viewport: null });
    };
  }, [room, store]);
}

const TENTH = 10;

/** Fractions of a pixel are nobody's news. */
const rounded = <T extends Readonly<Record<string, number>> | { readonly x: number; readonly y: number }>(numbers: T): T =>
  Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, Math.round(value * TENTH) / TENTH])) as T;

/** Call a function at once, then at most every 50 ms, and at last for what came in between. */
function throttled(call: () => void): { request: () => void; stop: () => void } {
  let [timer, calledAt] = [0, -SEND_MS];
  const run = (): void => {
    [timer, calledAt] = [0, performance.now()];
    call();
  };
  const request = (): void => {
    if (timer === 0) timer = window.setTimeout(run, Math.max(0, calledAt + SEND_MS - performance.now()));
  };
  return { request, stop: () => clearTimeout(timer) };
}
