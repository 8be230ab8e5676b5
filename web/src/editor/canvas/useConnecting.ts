/** Connections that are drawn: what they would lead to, and what becomes of them. */
import type { OnConnectEnd } from "@xyflow/react";
import { connect } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { useCallback, useRef } from "react";
import { pointer } from "../pointer";
import { useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { useCanvasStore } from "./canvasState";
import { connectionRules } from "./later";

/** The step at a point of the window. */
export const stepAt = (x: number, y: number): string | null =>
  document.elementFromPoint(x, y)?.closest<HTMLElement>(".react-flow__node")?.dataset["id"] ?? null;

/** Which step feeds which, for a line that was begun at a port of either kind. */
export const ends = (begun: string, isFromInput: boolean, reached: string): readonly [from: string, to: string] =>
  isFromInput ? [reached, begun] : [begun, reached];

export interface Connecting {
  readonly refusal: (from: string, to: string) => string | null;
  readonly join: (from: string, to: string) => void;
  /** A line was let go: on a step it connects, on nothing it asks for a step. */
  readonly end: OnConnectEnd;
  /** Let go of the line that is being drawn, and connect nothing. */
  readonly cancel: () => void;
}

export function useConnecting(): Connecting {
  const room = useRoom();
  const store = useCanvasStore();
  const set = useSetEditor();
  const { check } = useCommands();
  const refusal = useCallback(
    // Before the rules have come nobody has drawn a line yet.
    (from: string, to: string) => connectionRules()?.refusalOf(room.pipeline.steps(), room.pipeline.connections().values(), from, to) ?? null,
    [room],
  );
  const isCancelled = useRef(false);
  const cancel = useCallback(() => {
    isCancelled.current = true;
    // React Flow ends a line by nothing else.
    document.dispatchEvent(new MouseEvent("mouseup"));
    isCancelled.current = false;
  }, []);
  const join = useCallback(
    (from: string, to: string) => void (isCancelled.current || check(connect(room.pipeline, { from_step_id: from, to_step_id: to }))),
    [room, check],
  );
  const end: OnConnectEnd = useCallback(
    (_event, { fromNode, fromHandle, toHandle, isValid }) => {
      const at = pointer();
      if (isCancelled.current || fromNode === null || at === null || (toHandle !== null && isValid === true)) return;
      const isFromInput = fromHandle?.type === "target";
      const reached = stepAt(at.x, at.y);
      if (reached === null || (reached !== fromNode.id && isAround(store.scene?.items, reached, fromNode.id))) {
        const isOver = document.elementFromPoint(at.x, at.y)?.closest(".react-flow") !== null;
        const adding = { beside: new DOMRect(at.x, at.y, 0, 0), target: null, connected: { id: fromNode.id, isFromInput } };
        // Once the button is up: what opens earlier is closed by that.
        if (isOver) requestAnimationFrame(() => store.set({ adding }));
        return;
      }
      if (reached === fromNode.id) return;
      const [from, to] = ends(fromNode.id, isFromInput, reached);
      const reason = refusal(from, to);
      if (reason === null) join(from, to);
      else set({ refusal: { message: reason, at } });
    },
    [store, set, refusal, join],
  );
  return { refusal, join, end, cancel };
}

/** Whether a step is around another one: on its background a line ends in its list. */
export function isAround(items: ReadonlyMap<string, { readonly parent: string | null }> | undefined, id: string, inner: string): boolean {
  for (let at = items?.get(inner)?.parent; at !== null && at !== undefined; at = items?.get(at)?.parent) if (at === id) return true;
  return false;
}
