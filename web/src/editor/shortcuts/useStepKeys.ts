/** Keys for steps and connections: walking, moving, editing. */
import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useMemo, useRef } from "react";
import { besideCanvas } from "../canvas/besideCanvas";
import { useCanvasStore } from "../canvas/canvasState";
import { nudged } from "../canvas/nudging";
import { useSelectionEdits } from "../canvas/useSelectionEdits";
import type { CanvasEdge } from "../canvas/viewFlow";
import { useGetEditor, useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { useReadOnly } from "../useReadOnly";
import type { Handlers } from "./handlers";
import { neighbour } from "./neighbour";
import { elementOf, enter } from "./regions";
import { useSay } from "./useSay";
import { focusedOnCanvas, goTo, nodeOf, partsOf } from "./walking";

type WalkCommand = "next" | "previous" | "part" | "properties" | "out" | "selectAll";
type EditCommand = "comment" | "select" | "link" | "nudge" | "leap" | "duplicate" | "remove" | "fold" | "add" | "search";

export function useWalkKeys(): Pick<Handlers, WalkCommand> {
  const room = useRoom();
  const [, select] = useSelection();
  const walk = useWalk();
  const out = useOut(walk.leave);
  const part = usePart();
  const properties = useOpenProperties();
  return useMemo(
    () => ({
      next: () => walk.go(1),
      previous: () => walk.go(-1),
      part,
      properties,
      out,
      selectAll: () => select([...room.pipeline.steps().keys()]),
    }),
    [room, select, walk, part, properties, out],
  );
}

interface Walk {
  readonly go: (by: 1 | -1) => boolean;
  /** The next Tab leads out of the canvas. */
  readonly leave: () => void;
}

function useWalk(): Walk {
  const room = useRoom();
  const flow = useReactFlow();
  const store = useCanvasStore();
  const [selected, select] = useSelection();
  const latest = useRef(selected);
  latest.current = selected;
  return useMemo(() => {
    let isLeaving = false;
    const back = (): boolean => {
      elementOf("canvas")?.focus({ preventScroll: true });
      return true;
    };
    const visit = (id: string): boolean => {
      select([id]);
      goTo(flow, id, store.scene?.boxes.get(id));
      return true;
    };
    const go = (by: 1 | -1): boolean => {
      const focused = focusedOnCanvas();
      if (focused === null) return false;
      const ids = [...room.pipeline.steps().keys()].filter((id) => !store.scene?.hidden.has(id));
      const [chosen] = latest.current;
      if (focused.kind === "canvas") {
        if (by === -1) return false;
        const wasLeaving = isLeaving;
        isLeaving = false;
        const first = chosen !== undefined && ids.includes(chosen) ? chosen : ids[0];
        return wasLeaving || first === undefined ? enter("dock") : visit(first);
      }
      const next = neighbour(ids, focused.step ?? chosen ?? null, by);
      if (next !== null) return visit(next);
      return by === 1 ? enter("dock") : back();
    };
    return { go, leave: () => (isLeaving = true) };
  }, [room, flow, store, select]);
}

/** From a field to the canvas, from a part of a step to the step, from there to the canvas as a whole, and out of it. */
function useOut(leave: () => void): () => boolean {
  const get = useGetEditor();
  const set = useSetEditor();
  const [selected, select] = useSelection();
  const latest = useRef(selected);
  latest.current = selected;
  return useMemo(() => () => {
    const { following, commenting, history, tool } = get();
    const focused = focusedOnCanvas();
    const [chosen] = latest.current;
    const isInProperties = elementOf("properties")?.contains(document.activeElement) ?? false;
    if (tool === "comment") set({ tool: "select" });
    else if (isInProperties && chosen !== undefined && nodeOf(chosen)) nodeOf(chosen)?.focus({ preventScroll: true });
    else if (commenting !== null) set({ commenting: null });
    else if (following !== null) set({ following: null });
    else if (history !== null) set({ history: history.stepId === null ? null : { ...history, stepId: null } });
    else if (focused?.kind === "part" && focused.step !== null) nodeOf(focused.step)?.focus({ preventScroll: true });
    else {
      select([]);
      if (focused !== null) elementOf("canvas")?.focus({ preventScroll: true });
      leave();
    }
    return true;
  }, [get, set, select, leave]);
}

/** The step in hand: that of the focus, else the selected one. */
const inHand = (selected: readonly string[]): string | undefined => focusedOnCanvas()?.step ?? selected[0];

function usePart(): () => boolean {
  const flow = useReactFlow();
  const [selected] = useSelection();
  const latest = useRef(selected);
  latest.current = selected;
  return useMemo(() => () => {
    const id = inHand(latest.current);
    if (id === undefined) return false;
    const edges = flow.getEdges().filter(({ source, target, focusable }) => (source === id || target === id) && focusable !== false);
    const parts = partsOf(id, edges.map((edge) => edge.id));
    const at = parts.indexOf(document.activeElement as HTMLElement);
    parts[(at + 1) % parts.length]?.focus({ preventScroll: true });
    return parts.length > 0;
  }, [flow]);
}

/** Enter selects what has the focus; what is selected it opens. */
function useOpenProperties(): () => boolean {
  const flow = useStoreApi();
  const set = useSetEditor();
  const [selected, select] = useSelection();
  const latest = useRef(selected);
  latest.current = selected;
  return useMemo(() => () => {
    const edge = document.activeElement?.closest<SVGElement>(".react-flow__edge")?.dataset["id"];
    if (edge !== undefined) {
      flow.getState().addSelectedEdges([edge]);
      return true;
    }
    const focused = focusedOnCanvas();
    const id = inHand(latest.current);
    if (id === undefined || focused?.kind === "part") return false;
    if (!latest.current.includes(id)) select([id]);
    set({ arePropertiesOpen: true });
    enterOnceShown(MOST_FRAMES);
    return true;
  }, [flow, set, select]);
}

const MOST_FRAMES = 120;

/** The panel is loaded when it is first needed: until it has a field, its frame has the focus. */
function enterOnceShown(frames: number): void {
  const field = elementOf("properties")?.querySelector<HTMLElement>("input, textarea, select, [contenteditable=true]");
  if (field) field.focus();
  else if (frames > 0) requestAnimationFrame(() => enterOnceShown(frames - 1));
  else enter("properties");
}

const DIRECTIONS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  arrowup: [0, -1], arrowdown: [0, 1], arrowleft: [-1, 0], arrowright: [1, 0],
};

const STEP_PX = 4;
const LEAP_PX = 20;

export function useEditKeys(): Pick<Handlers, EditCommand> {
  const store = useCanvasStore();
  const edits = useSelectionEdits();
  const set = useSetEditor();
  const { refuse } = useCommands();
  const readOnly = useReadOnly();
  const move = useMove();
  const remove = useRemove();
  const selected = useSelection()[0];
  const latest = useRef(selected);
  latest.current = selected;
  return useMemo(
    () => ({
      comment: () => {
        const id = inHand(latest.current);
        set(id === undefined ? { tool: "comment" } : { commenting: id });
      },
      select: () => set({ tool: "select" }),
      link: () => {
        const id = inHand(latest.current);
        if (id !== undefined && readOnly === undefined) set({ linking: id });
        else refuse(id === undefined ? "Select a step first: it is connected with another one" : (readOnly ?? ""));
      },
      nudge: move(STEP_PX),
      leap: move(LEAP_PX),
      duplicate: () => edits.duplicate(latest.current),
      remove,
      fold: () => {
        const containers = latest.current.filter((id) => store.scene?.frames.has(id));
        containers.forEach(store.fold);
        return containers.length > 0;
      },
      add: () => store.set({ adding: { beside: besideCanvas(), target: null } }),
      search: () => {
        const field = elementOf("library")?.querySelector<HTMLElement>("input");
        if (field?.checkVisibility()) field.focus();
        else store.set({ adding: { beside: besideCanvas(), target: null } });
      },
    }),
    [store, edits, set, refuse, readOnly, move, remove],
  );
}

function useMove(): (by: number) => (key: string) => boolean {
  const { pipeline } = useRoom();
  const store = useCanvasStore();
  const edits = useSelectionEdits();
  const say = useSay();
  const [selected] = useSelection();
  const latest = useRef(selected);
  latest.current = selected;
  return useMemo(() => (by) => (key) => {
    const [x, y] = DIRECTIONS[key.replace("shift+", "")] ?? [0, 0];
    const ids = latest.current;
    if (ids.length === 0 || store.scene === null) return false;
    const moves = nudged(store.scene, ids, { x: x * by, y: y * by });
    if (!edits.move(moves)) return true;
    const [first] = moves;
    const name = pipeline.steps().get(first?.id ?? ids[0] ?? "")?.name ?? "";
    if (first === undefined) say(`${name} cannot go further`);
    else say(moves.length === 1 ? `${name} at ${Math.round(first.position.x)}, ${Math.round(first.position.y)}` : `${moves.length} steps moved`);
    return true;
  }, [pipeline, store, edits, say]);
}

/** Steps go with everything in them, and so do selected connections: all as one edit. */
function useRemove(): () => boolean {
  const flow = useReactFlow();
  const edits = useSelectionEdits();
  const [selected] = useSelection();
  const latest = useRef(selected);
  latest.current = selected;
  return useMemo(() => () => {
    const drawn = flow.getEdges() as CanvasEdge[];
    const edges = drawn.filter((edge) => edge.selected).flatMap(({ data }) => data?.connections.map(({ id }) => id) ?? []);
    const ids = [...latest.current, ...edges];
    if (ids.length === 0) return false;
    const hadFocus = focusedOnCanvas() !== null;
    if (edits.remove(ids) && hadFocus) elementOf("canvas")?.focus({ preventScroll: true });
    return true;
  }, [flow, edits]);
}
