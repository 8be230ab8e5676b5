/**
 * What this window shows of the canvas: folded containers, the grid, what is being dragged to where. Nothing
 * of it stands in the document. There is one for each room, so that the library's drags find it, too.
 */
import { local } from "../../local";
import type { Room } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { useSyncExternalStore } from "react";
import type { Box, Point, Size } from "./measures";
import type { Scene, WaitingLane } from "./scene";
import type { Seen } from "./useFirstView";

/** A list of steps: one of a container, or that of the canvas. */
export interface Target {
  readonly parent: string | null;
  readonly slot: string;
}

/** A step is to be added: the library opens beside a rectangle of the window. */
export interface Adding {
  readonly beside: Box;
  /** Where it is to stand; null: in the middle of what is seen. */
  readonly target: Target | null;
  /** Where its corner is to be on the canvas, in the list of what is there. */
  readonly at?: Point;
  /** A step that is to be connected with the new one. */
  readonly connected?: { readonly id: string; readonly isFromInput: boolean };
}

export interface CanvasState {
  readonly folded: ReadonlySet<string>;
  readonly waiting: ReadonlyMap<string, readonly WaitingLane[]>;
  readonly isSnapping: boolean;
  /** The list in which what is dragged would land, unless it is the one it comes from. */
  readonly drop: Target | null;
  readonly floating: ReadonlyMap<string, Point>;
  readonly least: ReadonlyMap<string, Size> | undefined;
  readonly adding: Adding | null;
  /** The step to which the line under the pointer would lead. */
  readonly joining: string | null;
  /** Whether steps are on their way to new places. */
  readonly isTidying: boolean;
}

const NONE: ReadonlyMap<string, Point> = new Map();

export class CanvasStore {
  private state: CanvasState;
  /** As it was last drawn. */
  scene: Scene | null = null;
  /** What was seen of it when it was last on the page; null: it has not been there. */
  seen: Seen | null = null;
  private readonly listeners = new Set<() => void>();

  constructor() {
    this.state = {
      folded: new Set(),
      waiting: new Map(),
      isSnapping: local.getItem(SNAP) !== "off",
      drop: null,
      floating: NONE,
      least: undefined,
      adding: null,
      joining: null,
      isTidying: false,
    };
  }

  readonly get = (): CanvasState => this.state;

  readonly set = (changes: Partial<CanvasState>): void => {
    if (Object.entries(changes).every(([key, value]) => this.state[key as keyof CanvasState] === value)) return;
    this.state = { ...this.state, ...changes };
    if (changes.isSnapping !== undefined) local.setItem(SNAP, changes.isSnapping ? "on" : "off");
    for (const listener of [...this.listeners]) listener();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  /** Fold a container, or unfold it. */
  readonly fold = (id: string): void => {
    const folded = new Set(this.state.folded);
    if (!folded.delete(id)) folded.add(id);
    this.set({ folded });
  };

  /** Show a lane that has no steps yet. */
  readonly wait = (id: string, lane: WaitingLane): void => {
    const others = (this.state.waiting.get(id) ?? []).filter(({ slot }) => slot !== lane.slot);
    this.set({ waiting: new Map(this.state.waiting).set(id, [...others, lane]) });
  };

  /** What is dragged would land there; the same target changes nothing. */
  readonly aim = (drop: Target | null): void => {
    const { drop: former } = this.state;
    if (former?.parent !== drop?.parent || former?.slot !== drop?.slot || (former === null) !== (drop === null)) this.set({ drop });
  };

  readonly endDrag = (): void => this.set({ drop: null, floating: NONE, least: undefined });
}

const SNAP = "pipeloom-snap";

const stores = new WeakMap<Room, CanvasStore>();

export function canvasOf(room: Room): CanvasStore {
  const store = stores.get(room) ?? new CanvasStore();
  stores.set(room, store);
  return store;
}

export const useCanvasStore = (): CanvasStore => canvasOf(useRoom());

/** Read a part of the state, and again when that part has changed. */
export function useCanvas<T>(select: (state: CanvasState) => T): T {
  const store = useCanvasStore();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
