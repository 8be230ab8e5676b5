/** Shows the part of the canvas that somebody else sees, until one goes elsewhere by oneself. */
import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useOthers, useRoom } from "pipeloom-client/react";
import { type CSSProperties, type ReactNode, useEffect } from "react";
import { personColor } from "../../theme/people";
import { useEditor, useSetEditor } from "../state";
import { motion } from "../useCommands";
import styles from "./Following.module.css";
import { areEqual, nearer, showing, stillness, type Transform, windowOf } from "./viewports";

export function Following(): ReactNode {
  const userId = useEditor(({ following }) => following);
  const set = useSetEditor();
  const name = useOthers((others) => (userId === null ? null : (windowOf(others, userId)?.user.name ?? null)));
  const isElsewhere = useOthers((others) => userId !== null && windowOf(others, userId)?.viewport === null);
  useFollowed(userId);
  useEffect(() => {
    // Who leaves is followed no further.
    if (userId !== null && name === null) set({ following: null });
  }, [userId, name, set]);
  return (
    <>
      {userId === null || name === null ? null : (
        <div className={styles.frame} style={{ "--person": personColor(userId) } as CSSProperties}>
          <p className={styles.pill}>
            <span>
              Following {name}
              {isElsewhere ? ", who is not at the canvas" : ""}
            </span>
            <span aria-hidden="true">·</span>
            <button type="button" onClick={() => set({ following: null })}>
              Stop
            </button>
          </p>
        </div>
      )}
      <p role="status" className="visually-hidden">{name === null ? "" : `Following ${name}. Escape stops it.`}</p>
    </>
  );
}

/** Between frames, if all is well; and at most, so that nothing jumps after a pause. */
const [FRAME_MS, LONGEST_MS] = [16, 50];

const MOVES = ["wheel", "pointerdown"] as const;

function useFollowed(userId: string | null): void {
  const room = useRoom();
  const store = useStoreApi();
  const flow = useReactFlow();
  const set = useSetEditor();
  useEffect(() => {
    if (userId === null) return;
    let frame = 0;
    // Of the last frame on the way; a frame's time may lie before the call that asked for it.
    let at: number | null = null;
    // As it was left here: if it is another one, this person has moved it. A move of one's own that is still
    // under way, such as that of a zoom button, ends before.
    let left: Transform | null = null;
    const isStill = stillness();
    const follow = (now: number): void => {
      frame = 0;
      const { transform, width, height, minZoom, maxZoom } = store.getState();
      if (left === null && !isStill(transform)) return request();
      left ??= transform;
      if (!areEqual(transform, left)) return set({ following: null });
      const seen = windowOf(room.others(), userId)?.viewport ?? null;
      if (seen === null) return;
      const wanted = showing(seen, { width, height }, [minZoom, maxZoom]);
      const next = motion(1) === 0 ? wanted : nearer(transform, wanted, Math.min(now - (at ?? now - FRAME_MS), LONGEST_MS));
      at = areEqual(wanted, transform) ? null : now;
      if (at === null) return;
      const [x, y, zoom] = next;
      void flow.setViewport({ x, y, zoom });
      left = store.getState().transform;
      request();
    };
    const request = (): void => void (frame ||= requestAnimationFrame(follow));
    // While the view is on its way to the other's, a button or wheel would move it in vain.
    const move = ({ type, target }: Event): void => {
      const isTool = target instanceof Element && target.closest(".react-flow__panel") !== null;
      if (type === "wheel" || isTool) set({ following: null });
    };
    const canvas = store.getState().domNode;
    for (const type of MOVES) canvas?.addEventListener(type, move, { capture: true, passive: true });
    const stops = [room.subscribe(request), store.subscribe(request)];
    request();
    return () => {
      for (const stop of stops) stop();
      for (const type of MOVES) canvas?.removeEventListener(type, move, { capture: true });
      cancelAnimationFrame(frame);
    };
  }, [userId, room, store, flow, set]);
}
