/** React on a room. All hooks need a `<PipelineRoom>` around them. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type * as Y from "yjs";
import { type ExplainedDiagnostic, explained } from "../explained.js";
import type { Other, Presence } from "../presence.js";
import type { Outcome } from "../refusals.js";
import type { Comment, ListedVersion } from "../rest/client.js";
import { joinRoom, type Room, type RoomOptions, type Saved } from "../room.js";
import type { Step, StepFields } from "../schema.js";
import { undoOf } from "../undo.js";
import { type Json, same } from "../values.js";
import { patchStep } from "../verbs.js";
import type { Path } from "../writing.js";
import { type Flow, FlowStore } from "./flow.js";
import { coalesced, readList } from "./lists.js";

interface Shared {
  readonly room: Room;
  readonly flow: FlowStore;
  readonly undo: Y.UndoManager;
}

const Context = createContext<Shared | null>(null);

export interface PipelineRoomProps extends Omit<RoomOptions, "doc"> {
  readonly children?: ReactNode;
  /** Shown until the room is made, for a moment. */
  readonly fallback?: ReactNode;
}

/** Open a pipeline for what is inside; another `url` or `pipeline` opens another one. */
export function PipelineRoom({ children, fallback = null, ...options }: PipelineRoomProps): ReactNode {
  const [shared, setShared] = useState<Shared | null>(null);
  const latest = useRef(options);
  latest.current = options;
  const { url, pipeline } = options;
  useEffect(() => {
    // The token of the latest render: a page often passes a function made anew.
    const room = joinRoom({ ...latest.current, token: () => latest.current.token() });
    const undo = undoOf(room.pipeline);
    setShared({ room, flow: new FlowStore(room), undo });
    return () => {
      undo.destroy();
      room.leave();
      setShared(null);
    };
  }, [url, pipeline]);
  return shared === null ? fallback : <Context.Provider value={shared}>{children}</Context.Provider>;
}

function useShared(): Shared {
  const shared = useContext(Context);
  if (shared === null) throw new Error("expected a <PipelineRoom> around this component");
  return shared;
}

/** The room itself, for the verbs: `addStep(useRoom().pipeline, …)`. */
export const useRoom = (): Room => useShared().room;

/** Read something of the room, and again whenever the room changes. */
function useOfRoom<T>(read: (room: Room) => T): T {
  const room = useRoom();
  const subscribe = useCallback((listener: () => void) => room.subscribe(listener), [room]);
  return useSyncExternalStore(subscribe, () => read(room), () => read(room));
}

/** Read a part of something of the room: as long as the part is equal, the same object is returned. */
function usePartOfRoom<Whole, Part>(read: (room: Room) => Whole, select: (whole: Whole) => Part): Part {
  const last = useRef<{ readonly whole: Whole; readonly select: unknown; readonly part: Part } | null>(null);
  return useOfRoom((room) => {
    const whole = read(room);
    const former = last.current;
    if (former?.whole === whole && former.select === select) return former.part;
    const part = select(whole);
    const isSame = former !== null && same(part as Json, former.part as Json);
    last.current = { whole, select, part: isSame ? former.part : part };
    return last.current.part;
  });
}

/** Read something of the pipeline, and again whenever its document changes. */
function useOfPipeline<T>(read: (room: Room) => T): T {
  const room = useRoom();
  const subscribe = useCallback((listener: () => void) => room.pipeline.subscribe(listener), [room]);
  return useSyncExternalStore(subscribe, () => read(room), () => read(room));
}

/** The pipeline for `<ReactFlow>`: spread it into its props, but for `isLoading`. */
export function usePipelineFlow(): Flow & {
  readonly onNodesChange: FlowStore["onNodesChange"];
  readonly onEdgesChange: FlowStore["onEdgesChange"];
  readonly onConnect: FlowStore["onConnect"];
  readonly isLoading: boolean;
} {
  const { flow } = useShared();
  const { nodes, edges } = useSyncExternalStore(flow.subscribe, flow.get, flow.get);
  const isLoading = useOfRoom((room) => !room.isLoaded);
  const { onNodesChange, onEdgesChange, onConnect } = flow;
  return { nodes, edges, onNodesChange, onEdgesChange, onConnect, isLoading };
}

/** The selected steps of this page, in reading order, and how to select others instead. */
export function useSelection(): readonly [readonly string[], (ids: readonly string[]) => void] {
  const { flow } = useShared();
  return [useSyncExternalStore(flow.subscribe, flow.selection, flow.selection), flow.select];
}

/** One step, how to change it, and its shared texts. `step` is undefined once it is gone. */
export function useStep(id: string): {
  readonly step: Step | undefined;
  readonly patch: (changes: { readonly [K in keyof StepFields]?: StepFields[K] }) => Outcome;
  readonly text: (path: Path) => Y.Text | null;
} {
  const room = useRoom();
  const step = useOfPipeline(({ pipeline }) => pipeline.steps().get(id));
  return useMemo(() => {
    const { pipeline } = room;
    return { step, patch: (changes) => patchStep(pipeline, id, changes), text: (path) => pipeline.text(id, path) };
  }, [room, id, step]);
}

const othersOf = (room: Room): readonly Other[] => room.others();
const savedOf = (room: Room): Saved => room.saved();

/**
 * The other clients in the pipeline, or what a function makes of them: then the component is drawn again
 * only when that has changed, and not with each move of a pointer.
 */
export function useOthers<Part>(select: (others: readonly Other[]) => Part): Part;
export function useOthers(): readonly Other[];
export function useOthers(select: (others: readonly Other[]) => unknown = itself): unknown {
  return usePartOfRoom(othersOf, select);
}

const itself = <T,>(whole: T): T => whole;

/** What the others see of this user, and how to change it. */
export function useMyPresence(): readonly [Presence, (presence: Presence) => void] {
  const room = useRoom();
  const presence = useSyncExternalStore(
    useCallback(
      (listener: () => void) => {
        room.awareness.on("update", listener);
        return () => room.awareness.off("update", listener);
      },
      [room],
    ),
    () => room.awareness.getLocalState(),
    () => null,
  );
  const set = useCallback((changes: Presence) => room.setPresence(changes), [room]);
  return [(presence ?? NOTHING) as Presence, set];
}

const NOTHING: Presence = {};

/** Whether this page's edits are committed on the server, or what a function makes of that. */
export function useSaved<Part>(select: (saved: Saved) => Part): Part;
export function useSaved(): Saved;
export function useSaved(select: (saved: Saved) => unknown = itself): unknown {
  return usePartOfRoom(savedOf, select);
}

/** Undo and redo of this page's own edits. */
export function useUndo(): {
  readonly undo: () => void;
  readonly redo: () => void;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Count edits of this origin as this page's own, such as those of an editor bound to a text; returns how to stop. */
  readonly track: (origin: unknown) => () => void;
} {
  const { undo: manager } = useShared();
  const subscribe = useCallback(
    (listener: () => void) => {
      const names = ["stack-item-added", "stack-item-popped", "stack-cleared"] as const;
      for (const name of names) manager.on(name, listener);
      return () => names.forEach((name) => manager.off(name, listener));
    },
    [manager],
  );
  const canUndo = useSyncExternalStore(subscribe, () => manager.canUndo(), () => false);
  const canRedo = useSyncExternalStore(subscribe, () => manager.canRedo(), () => false);
  return useMemo(() => {
    const track = (origin: unknown): (() => void) => {
      manager.addTrackedOrigin(origin);
      return () => manager.removeTrackedOrigin(origin);
    };
    return { undo: () => void manager.undo(), redo: () => void manager.redo(), canUndo, canRedo, track };
  }, [manager, canUndo, canRedo]);
}

const NOTHING_FOUND: ReturnType<Room["pipeline"]["diagnostics"]> = [];

/** What is wrong with the pipeline: its shape as it is now, its meaning as the server last saw it. */
export function useDiagnostics(): readonly ExplainedDiagnostic[] {
  // Of a document that has not come there is nothing to say.
  const found = useOfPipeline(({ isLoaded, pipeline }) => (isLoaded ? pipeline.diagnostics() : NOTHING_FOUND));
  return useMemo(() => found.map(explained), [found]);
}

/** The comments (the first 2,000), oldest first, kept up to date by events. Each verb resolves to whether the server took it. */
export function useComments(): {
  readonly comments: readonly Comment[];
  readonly add: (comment: { content: string; step_id?: string; parent_id?: string }) => Promise<boolean>;
  readonly resolve: (id: string, resolved?: boolean) => Promise<boolean>;
  readonly remove: (id: string) => Promise<boolean>;
} {
  const { items: comments, send } = useList<Comment>("/comments", "comment.", 2000);
  return useMemo(() => {
    return {
      comments,
      add: (comment) => send("POST", "", comment),
      resolve: (id, resolved = true) => send("PATCH", `/${id}`, { resolved }),
      remove: (id) => send("DELETE", `/${id}`),
    };
  }, [comments, send]);
}

/** The 200 newest versions, newest first, kept up to date by events. */
export function useVersions(): {
  readonly versions: readonly ListedVersion[];
  readonly save: (name: string) => Promise<boolean>;
  readonly restore: (number: number) => Promise<boolean>;
} {
  const { items: versions, send } = useList<ListedVersion>("/versions", "version.", 200);
  return useMemo(() => {
    return {
      versions,
      save: (name) => send("POST", "", { name }),
      restore: (number) => send("POST", `/${number}/restore`),
    };
  }, [versions, send]);
}

/** A list of REST, read anew at events whose names begin so, and after each break. While it cannot be read, what was read stays. */
function useList<T>(path: string, event: string, most: number) {
  const room = useRoom();
  const [items, setItems] = useState<readonly T[]>([]);
  const reload = useMemo(() => {
    return coalesced(async () => {
      const read = await readList<T>(room, path, most);
      if (read !== null) setItems(read);
    });
  }, [room, path, most]);
  useEffect(() => {
    const isAway = (): boolean => room.saved().state === "offline";
    let wasAway = isAway();
    reload();
    const stops = [
      room.onEvent((each) => each.event.startsWith(event) && reload()),
      // Nobody keeps the events of the time without a connection.
      room.subscribe(() => {
        if (wasAway && !isAway()) reload();
        wasAway = isAway();
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }, [room, event, reload]);
  const send = useCallback(
    async (method: string, below: string, body?: unknown): Promise<boolean> => {
      const headers = { "Content-Type": "application/json" };
      const content = body === undefined ? {} : { headers, body: JSON.stringify(body) };
      const answer = await room.request(`${path}${below}`, { method, ...content }).catch(() => null);
      reload();
      return answer?.ok ?? false;
    },
    [room, path, reload],
  );
  return { items, send };
}
