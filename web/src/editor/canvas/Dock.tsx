/** The tools at the bottom of the canvas. */
import { Panel, useReactFlow, useStore } from "@xyflow/react";
import { Maximize, Redo2, Undo2, ZoomIn, ZoomOut } from "lucide-react";
import { useUndo } from "pipeloom-client/react";
import type { ReactNode } from "react";
import { IconButton } from "../../ui/Button";
import { motion } from "../useCommands";
import styles from "./Dock.module.css";
import { FIT } from "./measures";

const percent = ({ transform: [, , zoom] }: { readonly transform: readonly [number, number, number] }): number => Math.round(zoom * 100);

export function Dock(): ReactNode {
  const { undo, redo, canUndo, canRedo } = useUndo();
  const flow = useReactFlow();
  const zoom = useStore(percent);
  const duration = motion(160);
  return (
    <Panel position="bottom-center" className={styles.dock} role="toolbar" aria-label="Canvas tools">
      <IconButton label="Undo" shortcut="mod+z" side="top" onClick={undo} disabledReason={canUndo ? undefined : "Nothing to undo"}>
        <Undo2 size={16} />
      </IconButton>
      <IconButton label="Redo" shortcut="mod+shift+z" side="top" onClick={redo} disabledReason={canRedo ? undefined : "Nothing to redo"}>
        <Redo2 size={16} />
      </IconButton>
      <span className={styles.line} />
      <IconButton label="Zoom out" shortcut="mod+-" side="top" onClick={() => void flow.zoomOut({ duration })}>
        <ZoomOut size={16} />
      </IconButton>
      <output className={styles.zoom} aria-label="Zoom">{zoom}%</output>
      <IconButton label="Zoom in" shortcut="mod++" side="top" onClick={() => void flow.zoomIn({ duration })}>
        <ZoomIn size={16} />
      </IconButton>
      <IconButton label="Fit everything" shortcut="mod+0" side="top" onClick={() => void flow.fitView({ ...FIT, duration })}>
        <Maximize size={16} />
      </IconButton>
    </Panel>
  );
}
