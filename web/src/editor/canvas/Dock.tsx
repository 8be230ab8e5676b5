/** The tools at the bottom of the canvas. */
import { Panel, useReactFlow, useStore } from "@xyflow/react";
import {
  AlignCenterVertical, AlignHorizontalDistributeCenter, AlignStartHorizontal, AlignStartVertical, AlignVerticalDistributeCenter,
  LoaderCircle, Magnet, Maximize, MessageSquarePlus, MousePointer2, Plus, Redo2, Undo2, WandSparkles, ZoomIn, ZoomOut,
} from "lucide-react";
import { useSelection, useUndo } from "pipeloom-client/react";
import type { ReactNode } from "react";
import { IconButton } from "../../ui/Button";
import { useSharedComments } from "../comments/CommentsProvider";
import { useEditor, useSetEditor } from "../state";
import { keyFor } from "../shortcuts/table";
import { useNarrow } from "../useNarrow";
import { motion } from "../useCommands";
import type { Alignment } from "./aligning";
import { useCanvasContent } from "./canvasContext";
import { useCanvas, useCanvasStore } from "./canvasState";
import styles from "./Dock.module.css";
import { FIT } from "./measures";
import { useAlign } from "./useAlign";
import { useTidy } from "./useTidy";

const percent = ({ transform: [, , zoom] }: { readonly transform: readonly [number, number, number] }): number => Math.round(zoom * 100);

export default function Dock(): ReactNode {
  const isNarrow = useNarrow();
  return (
    <Panel position="bottom-center" className={styles.dock} role="toolbar" aria-label="Canvas tools" data-region="dock">
      {isNarrow ? null : <Editing />}
      <View />
    </Panel>
  );
}

const Editing = (): ReactNode => (
  <>
    <Tools />
    <Add />
    <History />
    <span className={styles.line} />
    <Arrange />
    <span className={styles.line} />
  </>
);

function Tools(): ReactNode {
  const tool = useEditor((state) => state.tool);
  const set = useSetEditor();
  const { reason } = useSharedComments();
  return (
    <>
      <IconButton label="Select and move" shortcut={keyFor("select")} side="top" pressed={tool === "select"} onClick={() => set({ tool: "select" })}>
        <MousePointer2 size={16} />
      </IconButton>
      <IconButton label="Comment where you click" shortcut={keyFor("comment")} side="top" pressed={tool === "comment"} disabledReason={reason} onClick={() => set({ tool: "comment" })}>
        <MessageSquarePlus size={16} />
      </IconButton>
      <span className={styles.line} />
    </>
  );
}

/** Shown where the library is not. */
function Add(): ReactNode {
  const isLibraryOpen = useEditor((state) => state.isLibraryOpen);
  const store = useCanvasStore();
  const reason = useCanvasContent().readOnlyReason;
  return (
    <span className={styles.add} data-always={!isLibraryOpen}>
      <IconButton
        label="Add a step"
        shortcut={keyFor("add")}
        side="top"
        disabledReason={reason}
        onClick={({ currentTarget }) => store.set({ adding: { beside: currentTarget.getBoundingClientRect(), target: null } })}
      >
        <Plus size={16} />
      </IconButton>
      <span className={styles.line} />
    </span>
  );
}

function History(): ReactNode {
  const { undo, redo, canUndo, canRedo } = useUndo();
  return (
    <>
      <IconButton label="Undo" shortcut={keyFor("undo")} side="top" onClick={undo} disabledReason={canUndo ? undefined : "Nothing to undo"}>
        <Undo2 size={16} />
      </IconButton>
      <IconButton label="Redo" shortcut={keyFor("redo")} side="top" onClick={redo} disabledReason={canRedo ? undefined : "Nothing to redo"}>
        <Redo2 size={16} />
      </IconButton>
    </>
  );
}

const ALIGNMENTS: readonly (readonly [Alignment, string, ReactNode, number])[] = [
  ["left", "Align left edges", <AlignStartVertical key="left" size={16} />, 2],
  ["center", "Align centers", <AlignCenterVertical key="center" size={16} />, 2],
  ["top", "Align top edges", <AlignStartHorizontal key="top" size={16} />, 2],
  ["across", "Distribute from left to right", <AlignHorizontalDistributeCenter key="across" size={16} />, 3],
  ["down", "Distribute from top to bottom", <AlignVerticalDistributeCenter key="down" size={16} />, 3],
];

function Arrange(): ReactNode {
  const [{ length: count }] = useSelection();
  const { tidy, isBusy } = useTidy();
  const align = useAlign();
  const store = useCanvasStore();
  const isSnapping = useCanvas((state) => state.isSnapping);
  const reason = useCanvasContent().readOnlyReason;
  return (
    <>
      {count < 2 ? null : ALIGNMENTS.map(([alignment, label, icon, least]) => (
        <IconButton
          key={alignment}
          label={label}
          side="top"
          disabledReason={reason ?? (count < least ? `Select ${least} steps first` : undefined)}
          onClick={() => align(alignment)}
        >
          {icon}
        </IconButton>
      ))}
      <IconButton label={isBusy ? "Tidying…" : count < 2 ? "Tidy up" : "Tidy the selection"} side="top" disabledReason={reason} aria-busy={isBusy} onClick={tidy}>
        {isBusy ? <LoaderCircle size={16} className={styles.busy} /> : <WandSparkles size={16} />}
      </IconButton>
      <IconButton label="Snap to the grid" side="top" pressed={isSnapping} onClick={() => store.set({ isSnapping: !isSnapping })}>
        <Magnet size={16} />
      </IconButton>
    </>
  );
}

function View(): ReactNode {
  const flow = useReactFlow();
  const zoom = useStore(percent);
  const duration = motion(160);
  return (
    <>
      <IconButton label="Zoom out" shortcut={keyFor("zoomOut")} side="top" onClick={() => void flow.zoomOut({ duration })}>
        <ZoomOut size={16} />
      </IconButton>
      <output className={styles.zoom} aria-label="Zoom">{zoom}%</output>
      <IconButton label="Zoom in" shortcut={keyFor("zoomIn")} side="top" onClick={() => void flow.zoomIn({ duration })}>
        <ZoomIn size={16} />
      </IconButton>
      <IconButton label="Fit everything" shortcut={keyFor("fit")} side="top" onClick={() => void flow.fitView({ ...FIT, duration })}>
        <Maximize size={16} />
      </IconButton>
    </>
  );
}
