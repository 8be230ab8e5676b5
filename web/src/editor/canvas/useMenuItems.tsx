/** The commands of the menu at the pointer. */
import { useReactFlow } from "@xyflow/react";
import { ClipboardPaste, Copy, CopyPlus, Eye, EyeOff, FoldVertical, Maximize, Plus, Scissors, Spline, SquareDashedMousePointer, Trash2, UnfoldVertical, WandSparkles } from "lucide-react";
import { patchStep, remove } from "pipeloom-client";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useCallback } from "react";
import type { MenuItem, MenuItems } from "../../ui/Menu";
import { useClipboard } from "../clipboard/useClipboard";
import { keyFor } from "../shortcuts/table";
import { useSetEditor } from "../state";
import { motion, useCommands } from "../useCommands";
import { useCanvasContent } from "./canvasContext";
import { useCanvasStore } from "./canvasState";
import { FIT } from "./measures";
import type { OpenMenu } from "./useMenu";
import { useSelectionEdits } from "./useSelectionEdits";
import { useTidy } from "./useTidy";

const SIZE = 15;

/** Makes the items for what was pointed at. */
export function useMenuItems(): (menu: OpenMenu) => MenuItems {
  const steps = useStepItems();
  const canvas = useCanvasItems();
  const edge = useEdgeItems();
  return useCallback(
    (menu) => {
      const { subject } = menu;
      if (subject.kind === "steps") return steps(subject.ids);
      return subject.kind === "edge" ? edge(subject.connectionIds) : canvas(menu);
    },
    [steps, edge, canvas],
  );
}

/** Whether an item can be chosen, or why not. */
const disabled = (reason: string | undefined): Pick<MenuItem, "disabledReason"> => (reason === undefined ? {} : { disabledReason: reason });

function useStepItems(): (ids: readonly string[]) => MenuItems {
  const { pipeline } = useRoom();
  const store = useCanvasStore();
  const { check } = useCommands();
  const edits = useSelectionEdits();
  const { copySteps } = useClipboard();
  const set = useSetEditor();
  const reason = useCanvasContent().readOnlyReason;
  const { tidy } = useTidy();
  return useCallback(
    (ids) => {
      const steps = ids.flatMap((id) => pipeline.steps().get(id) ?? []);
      const isEnabled = steps.some(({ enabled }) => enabled);
      const able = disabled(reason);
      const enable = (): void => {
        pipeline.doc.transact(() => {
          for (const { id } of steps) if (!check(patchStep(pipeline, id, { enabled: !isEnabled }))) return;
        }, pipeline.origin);
      };
      const containers = ids.filter((id) => store.scene?.frames.has(id));
      const isFolded = containers.some((id) => store.get().folded.has(id));
      const fold: MenuItem = {
        label: isFolded ? "Unfold" : "Fold",
        icon: isFolded ? <UnfoldVertical size={SIZE} /> : <FoldVertical size={SIZE} />,
        shortcut: keyFor("fold"),
        onSelect: () => containers.filter((id) => store.get().folded.has(id) === isFolded).forEach(store.fold),
      };
      return [
        ...(ids.length === 1 ? [{ label: "Connect to…", icon: <Spline size={SIZE} />, shortcut: keyFor("link"), onSelect: () => set({ linking: ids[0] ?? null }), ...able }] : []),
        { label: "Copy", icon: <Copy size={SIZE} />, shortcut: keyFor("copy"), onSelect: () => void copySteps(ids) },
        { label: "Cut", icon: <Scissors size={SIZE} />, shortcut: keyFor("cut"), onSelect: () => void copySteps(ids).then((isDone) => isDone && edits.remove(ids)), ...able },
        { label: "Duplicate", icon: <CopyPlus size={SIZE} />, shortcut: keyFor("duplicate"), onSelect: () => void edits.duplicate(ids), ...able },
        null,
        { label: isEnabled ? "Disable" : "Enable", icon: isEnabled ? <EyeOff size={SIZE} /> : <Eye size={SIZE} />, onSelect: enable, ...able },
        ...(containers.length > 0 ? [fold] : []),
        ...(ids.length > 1 ? [{ label: "Tidy the selection", icon: <WandSparkles size={SIZE} />, onSelect: tidy, ...able }] : []),
        null,
        { label: "Delete", icon: <Trash2 size={SIZE} />, shortcut: keyFor("remove"), isDangerous: true, onSelect: () => void edits.remove(ids), ...able },
      ];
    },
    [pipeline, store, check, edits, copySteps, set, reason, tidy],
  );
}

function useEdgeItems(): (connectionIds: readonly string[]) => MenuItems {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const reason = useCanvasContent().readOnlyReason;
  return useCallback(
    (ids) => [
      { label: "Delete the connection", icon: <Trash2 size={SIZE} />, isDangerous: true, onSelect: () => void check(remove(pipeline, ids)), ...disabled(reason) },
    ],
    [pipeline, check, reason],
  );
}

function useCanvasItems(): (menu: OpenMenu) => MenuItems {
  const { pipeline } = useRoom();
  const flow = useReactFlow();
  const [, select] = useSelection();
  const store = useCanvasStore();
  const { pasteFromSystem } = useClipboard();
  const reason = useCanvasContent().readOnlyReason;
  const { tidy } = useTidy();
  return useCallback(
    ({ at }) => {
      const able = disabled(reason);
      const add = (): void => store.set({ adding: { beside: new DOMRect(at.x, at.y, 0, 0), target: null, at: flow.screenToFlowPosition(at, { snapToGrid: false }) } });
      return [
        { label: "Add a step here", icon: <Plus size={SIZE} />, shortcut: keyFor("add"), onSelect: add, ...able },
        { label: "Paste here", icon: <ClipboardPaste size={SIZE} />, shortcut: keyFor("paste"), onSelect: () => void pasteFromSystem(at), ...able },
        { label: "Select all", icon: <SquareDashedMousePointer size={SIZE} />, shortcut: keyFor("selectAll"), onSelect: () => select([...pipeline.steps().keys()]) },
        null,
        { label: "Tidy up", icon: <WandSparkles size={SIZE} />, onSelect: tidy, ...able },
        { label: "Fit everything", icon: <Maximize size={SIZE} />, shortcut: keyFor("fit"), onSelect: () => void flow.fitView({ ...FIT, duration: motion(160) }) },
      ];
    },
    [pipeline, flow, select, store, pasteFromSystem, reason, tidy],
  );
}
