/**
 * Drags of steps: inside of their container they stay in it and it grows with them; dragged out of it they
 * float, the list they would land in is marked, and there they land. All of a drop is one edit.
 */
import { type NodeChange, type NodePositionChange, useReactFlow } from "@xyflow/react";
import { useRoom } from "pipeloom-client/react";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { pointer } from "../pointer";
import { useCommands } from "../useCommands";
import { type CanvasStore, type Target, useCanvasStore } from "./canvasState";
import { structure } from "./later";
import { NODE_HEIGHT, NODE_WIDTH, type Point } from "./measures";
import { type Scene, within } from "./scene";
import { OncePerFrame } from "./oncePerFrame";
import type { Move } from "./structure";
import { type Home, targetAt } from "./targets";
import type { CanvasNode } from "./viewFlow";

interface Drag {
  readonly moving: ReadonlySet<string>;
  readonly home: Home | null;
  target: Target;
}

type Changes = NodeChange<CanvasNode>[];
type Moved = NodePositionChange & { readonly position: Point };

const isMove = (change: NodeChange<CanvasNode>): change is Moved => change.type === "position" && change.position !== undefined;

/** Stands before what commits drags: `onNodesChange` of the library. */
export function useNodeDrag(commit: (changes: Changes) => void): (changes: Changes) => void {
  const [frames] = useState(() => new OncePerFrame<Changes>());
  const change = useChange(commit, frames);
  return useCallback(
    (changes) => {
      // A mouse may report more moves than frames: only the last of a frame can be seen.
      if (changes.every((each) => isMove(each) && each.dragging)) return frames.later(changes, change);
      frames.flush();
      change(changes);
    },
    [frames, change],
  );
}

function useChange(commit: (changes: Changes) => void, frames: OncePerFrame<Changes>): (changes: Changes) => void {
  const room = useRoom();
  const flow = useReactFlow();
  const store = useCanvasStore();
  const { check } = useCommands();
  const drag = useRef<Drag | null>(null);
  const isCancelled = useCancel(drag, commit, frames);
  return useCallback(
    (changes) => {
      const { scene } = store;
      const moves = changes.filter(isMove);
      if (scene === null || moves.length === 0) return commit(changes);
      // The button is still down: where the pointer goes means nothing any more.
      if (isCancelled.current) return commit(changes.filter((change) => change.type !== "position"));
      if (moves.some(({ dragging }) => dragging)) {
        const active = (drag.current ??= begun(store, scene, moves));
        const at = pointer();
        if (at) active.target = targetAt(scene, flow.screenToFlowPosition(at, { snapToGrid: false }), active.moving, active.home);
        const leaving = leavingOf(scene, active);
        store.aim(leaving.size > 0 ? active.target : null);
        float(store, scene, leaving);
        return commit(changes.map((change) => (isMove(change) && !leaving.has(change.id) ? kept(scene, change) : change)));
      }
      const active = drag.current;
      drag.current = null;
      const final = changes.map((change) => (isMove(change) ? kept(scene, change) : change));
      if (active === null) return commit(final);
      const leaving = moves.filter(({ id }) => !staysAt(scene, id, active.target));
      store.aim(null);
      // Until it has landed, what is dropped stays where it was let go.
      void structure().then(({ placeIn, settleAfter }) => {
        store.endDrag();
        if (leaving.length === 0) return settleAfter(room.pipeline, final.filter(isMove), () => commit(final));
        const outcome = placeIn(room.pipeline, leaving.map((change) => landed(scene, active.target, change)));
        if (check(outcome)) rememberLanes(store, scene, leaving);
        // Where they stand now is written already; this ends the drag.
        const steps = room.pipeline.steps();
        commit(changes.map((change) => (isMove(change) ? { ...change, position: steps.get(change.id)?.position ?? change.position } : change)));
      });
    },
    [room, flow, store, check, commit, isCancelled],
  );
}

/** Escape calls a drag off: the steps are where they were, here and in the windows of others, until the next press. */
function useCancel(drag: RefObject<Drag | null>, commit: (changes: Changes) => void, frames: OncePerFrame<Changes>): RefObject<boolean> {
  const { pipeline } = useRoom();
  const store = useCanvasStore();
  const isCancelled = useRef(false);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      // The first move of a drag may still wait for its frame.
      const wasWaiting = frames.drop();
      if (drag.current === null && !wasWaiting) return;
      event.preventDefault();
      const steps = pipeline.steps();
      const ids = [...(drag.current?.moving ?? [])].filter((id) => steps.has(id));
      drag.current = null;
      isCancelled.current = true;
      store.endDrag();
      commit(ids.map((id) => ({ type: "position", id, position: steps.get(id)?.position ?? { x: 0, y: 0 }, dragging: false })));
    };
    const begin = (): void => void (isCancelled.current = false);
    document.addEventListener("keydown", press, true);
    document.addEventListener("pointerdown", begin, true);
    return () => {
      document.removeEventListener("keydown", press, true);
      document.removeEventListener("pointerdown", begin, true);
    };
  }, [drag, commit, pipeline, store, frames]);
  return isCancelled;
}

function begun(store: CanvasStore, scene: Scene, moves: readonly Moved[]): Drag {
  const parents = new Set(moves.map(({ id }) => scene.items.get(id)?.parent ?? null));
  const [parent = null] = parents;
  const box = parent === null || parents.size > 1 ? undefined : scene.boxes.get(parent);
  store.set({ least: new Map(scene.frames) });
  const home = parent !== null && box !== undefined ? { parent, box } : null;
  return { moving: new Set(moves.map(({ id }) => id)), home, target: { parent, slot: "steps" } };
}

/** Whether a step is in the list already. */
function staysAt({ items }: Scene, id: string, { parent, slot }: Target): boolean {
  const item = items.get(id);
  return item === undefined || (item.parent === parent && (parent === null || item.slot === slot));
}

/** What is dragged out of its list. */
const leavingOf = (scene: Scene, { moving, target }: Drag): ReadonlySet<string> =>
  new Set([...moving].filter((id) => !staysAt(scene, id, target)));

/** What leaves its list keeps its place there until it lands. */
function float(store: CanvasStore, { items }: Scene, leaving: ReadonlySet<string>): void {
  const { floating } = store.get();
  if (floating.size === leaving.size && [...leaving].every((id) => floating.has(id))) return;
  store.set({ floating: new Map([...leaving].map((id) => [id, floating.get(id) ?? (items.get(id)?.position as Point)])) });
}

/** Within its container. */
function kept({ items, frames }: Scene, change: Moved): Moved {
  const item = items.get(change.id);
  const frame = item === undefined || item.parent === null ? undefined : frames.get(item.parent);
  const lane = frame?.lanes.find(({ slot }) => slot === item?.slot);
  if (frame === undefined || lane === undefined) return change;
  return { ...change, position: within(frame, lane, change.position, frames.get(change.id) ?? { width: NODE_WIDTH, height: NODE_HEIGHT }) };
}

function landed({ items, boxes }: Scene, target: Target, { id, position }: Moved): Move {
  const corner = boxes.get(items.get(id)?.parent ?? "");
  return { id, target, wanted: { x: position.x + (corner?.x ?? 0), y: position.y + (corner?.y ?? 0) } };
}

/** A case that has lost its last step stays to be filled again, in this window. */
function rememberLanes(store: CanvasStore, { items, frames }: Scene, leaving: readonly Moved[]): void {
  for (const { id } of leaving) {
    const { parent, slot } = items.get(id) ?? { parent: null, slot: "" };
    const lane = parent === null ? undefined : frames.get(parent)?.lanes.find((each) => each.slot === slot);
    if (parent !== null && lane !== undefined && slot.startsWith("cases:")) store.wait(parent, { slot, x: lane.x });
  }
}
