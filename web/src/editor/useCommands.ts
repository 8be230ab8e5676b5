/** What several areas do: each command answers a refusal at the pointer. */
import { useReactFlow } from "@xyflow/react";
import type { Outcome } from "pipeloom-client";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useMemo } from "react";
import { canvasOf, type Target } from "./canvas/canvasState";
import { bringIntoView } from "./canvas/intoView";
import { NODE_HEIGHT, NODE_WIDTH, type Point } from "./canvas/measures";
import { structure } from "./canvas/later";
import { placeOfAnswers } from "./pointer";
import { useGetEditor, useSetEditor } from "./state";

const VIEW_JUMP_MS = 240;

export interface Commands {
  /**
   * Add a step of a type and select it: on the canvas in the middle of what is seen, at the end of another list,
   * or in either with its corner at a point of the canvas. The view follows it where it is out of view. Resolves to its id, null if that was refused.
   */
  readonly add: (type: string, target?: Target, at?: Point) => Promise<string | null>;
  /** Select a step and bring it into view. */
  readonly jumpTo: (stepId: string) => void;
  /** Show why something was refused, at the pointer or the selection; returns whether it was done. */
  readonly check: (outcome: Outcome) => boolean;
  /** Show there, in a sentence, why something cannot be done. */
  readonly refuse: (message: string) => void;
}

export function useCommands(): Commands {
  const room = useRoom();
  const flow = useReactFlow();
  const [, select] = useSelection();
  const get = useGetEditor();
  const set = useSetEditor();
  return useMemo(() => {
    const refuse = (message: string): void => set({ refusal: { message: sentence(message), at: placeOfAnswers() } });
    const check = (outcome: Outcome): boolean => {
      if (!outcome.ok) refuse(outcome.refused.message);
      // What was refused before is over, once something is done.
      else if (get().refusal !== null) set({ refusal: null });
      return outcome.ok;
    };
    const jumpTo = (stepId: string): void => {
      select([stepId]);
      void flow.fitView({ nodes: [{ id: stepId }], maxZoom: 1, duration: motion(VIEW_JUMP_MS) });
    };
    const add: Commands["add"] = async (type, target = CANVAS, at) => {
      const { addTo } = await structure();
      const wanted = at ?? (target.parent === null ? middle(flow) : null);
      const added = addTo(room.pipeline, type, target, wanted, at !== undefined);
      if (!check(added) || !added.ok) return null;
      const canvas = canvasOf(room);
      if (target.parent !== null && canvas.get().folded.has(target.parent)) canvas.fold(target.parent);
      select([added.id]);
      if (at === undefined) bringIntoView(flow, added.id, motion(VIEW_JUMP_MS));
      return added.id;
    };
    return { add, jumpTo, check, refuse };
  }, [room, flow, select, get, set]);
}

/** The list of the canvas itself. */
const CANVAS: Target = { parent: null, slot: "steps" };

/** A duration of an animation, none for those who want none. */
export const motion = (ms: number): number => (matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : ms);

const sentence = (message: string): string => message.charAt(0).toUpperCase() + message.slice(1);

function middle(flow: ReturnType<typeof useReactFlow>): { x: number; y: number } {
  const pane = document.querySelector(".react-flow")?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth, innerHeight);
  const { x, y } = flow.screenToFlowPosition({ x: pane.x + pane.width / 2, y: pane.y + pane.height / 2 });
  return { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
}
