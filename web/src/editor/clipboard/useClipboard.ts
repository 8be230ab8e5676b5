/** Copy, cut and paste: within a pipeline, between pipelines and windows, by the system's clipboard. */
import { useReactFlow } from "@xyflow/react";
import { copy } from "pipeloom-client";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useEffect, useMemo, useRef } from "react";
import { useCanvasStore } from "../canvas/canvasState";
import type { Point } from "../canvas/measures";
import { structure } from "../canvas/later";
import { targetAt } from "../canvas/targets";
import { useSelectionEdits } from "../canvas/useSelectionEdits";
import { pointer } from "../pointer";
import { isAbove, isField } from "../shortcuts/keyOf";
import { elementOf } from "../shortcuts/regions";
import { useSay } from "../shortcuts/useSay";
import { useCommands } from "../useCommands";
import { useReadOnly } from "../useReadOnly";
import { MOST_CHARACTERS, type Read, readClip, textOfClip } from "./clipText";
import { cornerFor } from "./landing";

export interface Clipboard {
  /** These steps as a text for the clipboard. */
  readonly textOf: (ids: readonly string[]) => string;
  /** Paste what is on the clipboard: with its corner at a point of the window, else beside where it was copied. */
  readonly paste: (text: string, at: Point | null) => Promise<void>;
  /** For menus: a key has the clipboard's events, a click has not. */
  readonly copySteps: (ids: readonly string[]) => Promise<boolean>;
  readonly pasteFromSystem: (at: Point) => Promise<void>;
}

export function useClipboard(): Clipboard {
  const { pipeline } = useRoom();
  const store = useCanvasStore();
  const { refuse } = useCommands();
  const paste = usePaste();
  const say = useSay();
  return useMemo(() => {
    const textOf = (ids: readonly string[]): string => textOfClip(copy(pipeline, ids), (id) => store.scene?.boxes.get(id));
    return {
      textOf,
      paste,
      copySteps: async (ids) => {
        const isDone = await navigator.clipboard?.writeText(textOf(ids)).then(() => true, () => false);
        if (isDone) say(copiedWords(ids.length));
        else refuse("This browser gives pages the clipboard for keys only: press Ctrl or Cmd and C");
        return isDone === true;
      },
      pasteFromSystem: async (at) => {
        const text = await navigator.clipboard?.readText().catch(() => undefined);
        if (text === undefined) refuse("This browser shows pages the clipboard for keys only: press Ctrl or Cmd and V");
        else await paste(text, at);
      },
    };
  }, [pipeline, store, refuse, paste, say]);
}

export const copiedWords = (count: number): string => (count === 1 ? "1 step copied" : `${count} steps copied`);

function usePaste(): Clipboard["paste"] {
  const { pipeline } = useRoom();
  const flow = useReactFlow();
  const store = useCanvasStore();
  const [, select] = useSelection();
  const { check, refuse } = useCommands();
  const readOnly = useReadOnly();
  const say = useSay();
  return useMemo(() => async (text, at) => {
    if (readOnly !== undefined) return refuse(readOnly);
    const read = await readText(text, () => pipeline.newId());
    if ("refusal" in read) return refuse(read.refusal);
    const { pasteInto, extentOf } = await structure();
    const point = at === null ? null : flow.screenToFlowPosition(at, { snapToGrid: false });
    const target = point !== null && store.scene !== null ? targetAt(store.scene, point) : { parent: null, slot: "steps" };
    const extent = extentOf(read.copied.steps);
    const corner = point ?? cornerFor(flow, elementOf("canvas"), extent);
    const pasted = pasteInto(pipeline, read.copied, target, corner);
    if (!check(pasted) || !pasted.ok) return;
    const ids = new Set(read.copied.steps.map(({ id }) => id));
    const outer = read.copied.steps.filter((step) => !ids.has(String(step["parent_step_id"])));
    select(outer.flatMap(({ id }) => pasted.steps[id] ?? []));
    if (target.parent !== null && store.get().folded.has(target.parent)) store.fold(target.parent);
    say(outer.length === 1 ? "1 step pasted" : `${outer.length} steps pasted`);
  }, [pipeline, flow, store, select, check, refuse, readOnly, say]);
}

/** What was copied here or in another window, else YAML, for which more is loaded. */
async function readText(text: string, newId: () => string): Promise<Read> {
  if (text.trim() === "") return { refusal: "There is no text on the clipboard" };
  if (text.length > MOST_CHARACTERS) return { refusal: `Expected at most ${MOST_CHARACTERS} characters on the clipboard, got ${text.length}` };
  const read = readClip(text);
  if (read !== null) return read;
  const loaded = await import("./stepsOfYaml").catch(() => null);
  return loaded === null ? { refusal: "Reading YAML could not be loaded: the server is away" } : loaded.stepsOfYaml(text, newId);
}

/** Handles the clipboard's own events, which keys and the browser's menu cause. */
export function useClipboardEvents(): void {
  const clipboard = useClipboard();
  const edits = useSelectionEdits();
  const [selected] = useSelection();
  const say = useSay();
  const latest = useRef({ clipboard, edits, selected, say });
  latest.current = { clipboard, edits, selected, say };
  useEffect(() => {
    const isOurs = ({ target, defaultPrevented }: Event): boolean => {
      return !defaultPrevented && elementOf("canvas") !== null && !isField(target) && !isAbove(target) && !hasSelectedText();
    };
    const copied = (event: ClipboardEvent): boolean => {
      const { clipboard, selected, say } = latest.current;
      if (!isOurs(event) || selected.length === 0 || event.clipboardData === null) return false;
      event.preventDefault();
      event.clipboardData.setData("text/plain", clipboard.textOf(selected));
      say(copiedWords(selected.length));
      return true;
    };
    const cut = (event: ClipboardEvent): void => {
      if (copied(event)) latest.current.edits.remove(latest.current.selected);
    };
    const pasted = (event: ClipboardEvent): void => {
      if (!isOurs(event) || event.clipboardData === null) return;
      event.preventDefault();
      void latest.current.clipboard.paste(event.clipboardData.getData("text/plain"), pointOnCanvas());
    };
    document.addEventListener("copy", copied);
    document.addEventListener("cut", cut);
    document.addEventListener("paste", pasted);
    return () => {
      document.removeEventListener("copy", copied);
      document.removeEventListener("cut", cut);
      document.removeEventListener("paste", pasted);
    };
  }, []);
}

/** Somebody has marked words of the page: these are copied. */
const hasSelectedText = (): boolean => (document.getSelection()?.toString() ?? "") !== "";

/** Where it was pasted last: at the same point the next one would lie just above. */
let lastPoint: Point | null = null;

/** The pointer, if it is on the canvas and has moved since it was pasted there. */
function pointOnCanvas(): Point | null {
  const at = pointer();
  if (at === null || (lastPoint?.x === at.x && lastPoint.y === at.y)) return null;
  const isOver = document.elementFromPoint(at.x, at.y)?.closest(".react-flow") === elementOf("canvas");
  if (isOver) lastPoint = at;
  return isOver ? at : null;
}
