/** What several areas do: each command answers a refusal at the pointer. */
import { useReactFlow } from "@xyflow/react";
import { addStep, type Outcome } from "pipeloom-client";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useMemo } from "react";
import { NODE_HEIGHT, NODE_WIDTH } from "./canvas/sizes";
import { pointer } from "./pointer";
import { useSetEditor } from "./state";

const VIEW_JUMP_MS = 240;

export interface Commands {
  /** Add a step of a type in the middle of what is seen, or at a point of the canvas; select it. */
  readonly add: (type: string, at?: { readonly x: number; readonly y: number }) => void;
  /** Select a step and bring it into view. */
  readonly jumpTo: (stepId: string) => void;
  /** Show why something was refused, at the pointer; returns whether it was done. */
  readonly check: (outcome: Outcome) => boolean;
}

export function useCommands(): Commands {
  const room = useRoom();
  const flow = useReactFlow();
  const [, select] = useSelection();
  const set = useSetEditor();
  return useMemo(() => {
    const check = (outcome: Outcome): boolean => {
      if (!outcome.ok) set({ refusal: { message: sentence(outcome.refused.message), at: pointer() } });
      return outcome.ok;
    };
    const jumpTo = (stepId: string): void => {
      select([stepId]);
      void flow.fitView({ nodes: [{ id: stepId }], maxZoom: 1, duration: motion(VIEW_JUMP_MS) });
    };
    const add: Commands["add"] = (type, at = middle(flow)) => {
      const added = addStep(room.pipeline, { type, position: free(room.pipeline.steps().values(), at) });
      if (check(added) && added.ok) select([added.id]);
    };
    return { add, jumpTo, check };
  }, [room, flow, select, set]);
}

/** A duration of an animation, none for those who want none. */
export const motion = (ms: number): number => (matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : ms);

const sentence = (message: string): string => message.charAt(0).toUpperCase() + message.slice(1);

function middle(flow: ReturnType<typeof useReactFlow>): { x: number; y: number } {
  const pane = document.querySelector(".react-flow")?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth, innerHeight);
  const { x, y } = flow.screenToFlowPosition({ x: pane.x + pane.width / 2, y: pane.y + pane.height / 2 });
  return { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
}

const STEP = 20;
const snap = (value: number): number => Math.round(value / STEP) * STEP;

/** The wanted place on the grid, a little lower and to the right while another step stands just there. */
export function free(
  steps: Iterable<{ readonly parent_step_id: string | null; readonly position: { readonly x: number; readonly y: number } }>,
  wanted: { readonly x: number; readonly y: number },
): { x: number; y: number } {
  const taken = new Set<string>();
  for (const { parent_step_id: parent, position } of steps) if (parent === null) taken.add(`${position.x} ${position.y}`);
  const at = { x: snap(wanted.x), y: snap(wanted.y) };
  while (taken.has(`${at.x} ${at.y}`)) [at.x, at.y] = [at.x + STEP, at.y + STEP];
  return at;
}
