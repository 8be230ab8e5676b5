/** The others on the canvas; loaded once somebody else is there. It stands inside `<ReactFlow>`. */
import { useStoreApi, ViewportPortal } from "@xyflow/react";
import type { Room } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useSharedComments } from "../comments/CommentsProvider";
import { Carried } from "./carried";
import { Following } from "./Following";
import { Overlay, type Scene } from "./overlay";
import styles from "./overlay.module.css";

export function Others(): ReactNode {
  // The plane is there a moment later than the rest.
  const [root, setRoot] = useState<HTMLElement | null>(null);
  const [plane, setPlane] = useState<HTMLElement | null>(null);
  useOthersDrawn(root, plane);
  return (
    <>
      <div ref={setRoot} className={styles.overlay} aria-hidden="true" />
      <ViewportPortal>
        <div ref={setPlane} />
      </ViewportPortal>
      <Following />
    </>
  );
}

function useOthersDrawn(root: HTMLElement | null, plane: HTMLElement | null): void {
  const room = useRoom();
  const store = useStoreApi();
  const { byStep } = useSharedComments();
  const commented = useRef(byStep);
  commented.current = byStep;
  const again = useRef(() => {});
  // A name makes room for a pin that comes.
  useEffect(() => again.current(), [byStep]);
  useEffect(() => {
    if (root === null || plane === null) return;
    const [overlay, carried] = [new Overlay(root, plane), new Carried()];
    let [frame, timer] = [0, 0];
    const draw = (): void => {
      frame = 0;
      clearTimeout(timer);
      carried.mark(room.others(), store.getState());
      const fading = overlay.draw(sceneOf(room, store.getState(), commented.current), performance.now());
      if (Number.isFinite(fading)) timer = window.setTimeout(request, fading + 10);
    };
    const request = (): void => void (frame ||= requestAnimationFrame(draw));
    again.current = request;
    const stops = [room.subscribe(request), store.subscribe(request)];
    request();
    return () => {
      for (const stop of stops) stop();
      again.current = () => {};
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }, [room, store, root, plane]);
}

type FlowState = ReturnType<ReturnType<typeof useStoreApi>["getState"]>;

function sceneOf(room: Room, { nodeLookup, transform, width, height }: FlowState, commented: ReadonlyMap<string, unknown>): Scene {
  return {
    others: room.others(),
    transform,
    width,
    height,
    rectOf: (id) => {
      const node = nodeLookup.get(id);
      if (node === undefined || node.hidden) return null;
      const { x, y } = node.internals.positionAbsolute;
      const [nodeWidth, nodeHeight] = [node.measured.width ?? node.width ?? 0, node.measured.height ?? node.height ?? 0];
      return { x, y, width: nodeWidth, height: nodeHeight, isContainer: node.type === "container", isMine: node.selected ?? false, hasPin: commented.has(id) };
    },
    standsAt: (id) => {
      const step = room.pipeline.steps().get(id);
      if (step === undefined) return null;
      const parent = step.parent_step_id === null ? undefined : nodeLookup.get(step.parent_step_id);
      const { x, y } = parent?.internals.positionAbsolute ?? { x: 0, y: 0 };
      return { x: x + step.position.x, y: y + step.position.y };
    },
  };
}
