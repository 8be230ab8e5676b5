/** The keyboard of the editor, and what it refuses: shown at the pointer. */
import { Ban } from "lucide-react";
import { useReactFlow } from "@xyflow/react";
import { useRoom, useSelection, useUndo } from "pipeloom-client/react";
import { type ReactNode, useEffect, useRef } from "react";
import { useEditor, useSetEditor } from "../state";
import { motion } from "../useCommands";
import { keyOf } from "./keyOf";
import styles from "./Shortcuts.module.css";

export default function Shortcuts(): ReactNode {
  useShortcuts();
  return <Refused />;
}

function useShortcuts(): void {
  const { undo, redo } = useUndo();
  const room = useRoom();
  const [, select] = useSelection();
  const flow = useReactFlow();
  const set = useSetEditor();
  const following = useRef<string | null>(null);
  following.current = useEditor((state) => state.following);
  useEffect(() => {
    const duration = motion(160);
    const commands: Readonly<Record<string, () => void>> = {
      "mod+z": undo,
      "mod+shift+z": redo,
      "mod+y": redo,
      "mod+a": () => select([...room.pipeline.steps().keys()]),
      "mod+0": () => void flow.fitView({ padding: 0.15, duration }),
      "mod++": () => void flow.zoomIn({ duration }),
      "mod+-": () => void flow.zoomOut({ duration }),
      // Everything is saved as it is written; the browser would save the page.
      "mod+s": () => undefined,
      "mod+1": () => set({ view: "graph" }),
      "mod+2": () => set({ view: "code" }),
      "mod+3": () => set({ view: "split" }),
      escape: () => (following.current === null ? select([]) : set({ following: null })),
    };
    const press = (event: KeyboardEvent): void => {
      const command = commands[keyOf(event)];
      if (command === undefined || event.defaultPrevented) return;
      event.preventDefault();
      command();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [undo, redo, room, select, flow, set]);
}

const SHOWN_MS = 4000;

function Refused(): ReactNode {
  const refusal = useEditor((state) => state.refusal);
  const set = useSetEditor();
  useEffect(() => {
    if (refusal === null) return;
    const timer = setTimeout(() => set({ refusal: null }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [refusal, set]);
  const { x, y } = refusal?.at ?? { x: innerWidth / 2, y: innerHeight / 2 };
  return (
    <div role="alert">
      {refusal === null ? null : (
        <p className={styles.refusal} style={{ left: Math.min(x + 12, innerWidth - 320), top: Math.min(y + 12, innerHeight - 60) }}>
          <Ban size={14} aria-hidden="true" /> {refusal.message}
        </p>
      )}
    </div>
  );
}
