/** Aligns what is selected, as one edit; each step stays in its container. */
import { moveSteps } from "pipeloom-client";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useCallback } from "react";
import { useCommands } from "../useCommands";
import { aligned, type Alignment } from "./aligning";
import { useCanvasStore } from "./canvasState";
import type { Box, Point } from "./measures";
import { type Scene, within } from "./scene";
import { settleAfter } from "./structure";

export function useAlign(): (alignment: Alignment) => void {
  const room = useRoom();
  const store = useCanvasStore();
  const { check } = useCommands();
  const [selected] = useSelection();
  return useCallback(
    (alignment) => {
      const { scene } = store;
      if (scene === null) return;
      const places = aligned(chosenBoxes(scene, selected), alignment);
      const moves = [...places].map(([id, place]) => ({ id, position: relative(scene, id, place) }));
      if (moves.length === 0) return;
      const edit = (): void => void check(moveSteps(room.pipeline, Object.fromEntries(moves.map(({ id, position }) => [id, position]))));
      settleAfter(room.pipeline, moves, edit);
    },
    [room, store, check, selected],
  );
}

/** Those that are selected and not in another one that is. */
export function chosenBoxes({ items, boxes }: Scene, selected: readonly string[]): Map<string, Box> {
  const all = new Set(selected);
  const isInside = (id: string): boolean => {
    for (let at = items.get(id)?.parent; at !== null && at !== undefined; at = items.get(at)?.parent) if (all.has(at)) return true;
    return false;
  };
  return new Map(selected.flatMap((id) => {
    const box = boxes.get(id);
    return box === undefined || isInside(id) ? [] : [[id, box] as const];
  }));
}

/** A corner on the canvas as a position in the list of its step, where that may stand. */
export function relative({ items, frames, boxes }: Scene, id: string, { x, y }: Point): Point {
  const item = items.get(id);
  const corner = boxes.get(item?.parent ?? "");
  const frame = frames.get(item?.parent ?? "");
  const lane = frame?.lanes.find(({ slot }) => slot === item?.slot);
  const box = boxes.get(id);
  if (corner === undefined || frame === undefined || lane === undefined || box === undefined) return { x, y };
  return within(frame, lane, { x: x - corner.x, y: y - corner.y }, box);
}
