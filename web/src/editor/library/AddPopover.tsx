/** The library beside what asked for a step: a lane, an empty canvas, or the key `A`. */
import { useReactFlow } from "@xyflow/react";
import { connect } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { type ReactNode, useEffect, useRef } from "react";
import { place } from "../../ui/place";
import { type Adding, useCanvas, useCanvasStore } from "../canvas/canvasState";
import { NODE_HEIGHT, NODE_WIDTH, type Point, snapped } from "../canvas/measures";
import { targetAt } from "../canvas/targets";
import { useCommands } from "../useCommands";
import styles from "./AddPopover.module.css";
import { StepList } from "./StepList";

export function AddPopover(): ReactNode {
  const adding = useCanvas((state) => state.adding);
  const store = useCanvasStore();
  const { add } = useCommands();
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = panel.current;
    if (element === null || adding === null) return;
    const opener = document.activeElement;
    const toggled = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") store.set({ adding: null });
    };
    element.addEventListener("toggle", toggled);
    element.showPopover();
    const { x, y, width, height } = adding.beside;
    place(element, new DOMRect(x, y, width, height), "bottom", "center");
    element.querySelector("input")?.focus();
    return () => {
      element.removeEventListener("toggle", toggled);
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, [adding, store]);
  const addConnected = useAddConnected();
  if (adding === null) return null;
  const choose = (type: string): void => {
    store.set({ adding: null });
    const { target, connected, beside, at } = adding;
    if (connected !== undefined) void addConnected(type, connected, beside);
    else if (at !== undefined && store.scene) void add(type, targetAt(store.scene, at), { x: snapped(at.x), y: snapped(at.y) });
    else void add(type, target ?? undefined);
  };
  return (
    <div ref={panel} popover="auto" role="dialog" aria-label="Add a step" className={styles.panel}>
      <StepList onChoose={choose} />
    </div>
  );
}

/** Adds a step where a line was let go, in the list of the step that it came from, and connects the two. */
function useAddConnected(): (type: string, connected: NonNullable<Adding["connected"]>, at: Point) => Promise<void> {
  const { pipeline } = useRoom();
  const flow = useReactFlow();
  const { add, check } = useCommands();
  return async (type, { id, isFromInput }, at) => {
    const step = pipeline.steps().get(id);
    if (step === undefined) return;
    const { x, y } = flow.screenToFlowPosition(at, { snapToGrid: false });
    const corner = { x: snapped(x - NODE_WIDTH / 2), y: snapped(isFromInput ? y - NODE_HEIGHT : y) };
    const added = await add(type, { parent: step.parent_step_id, slot: step.slot }, corner);
    if (added === null) return;
    const [from, to] = isFromInput ? [added, id] : [id, added];
    check(connect(pipeline, { from_step_id: from, to_step_id: to }));
  };
}
