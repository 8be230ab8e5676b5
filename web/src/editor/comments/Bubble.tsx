/** The threads of one step, beside it; loaded when they are opened. */
import { NodeToolbar, Position, type ReactFlowState, useStore } from "@xyflow/react";
import { X } from "lucide-react";
import { useRoom } from "pipeloom-client/react";
import { type ReactNode, useCallback } from "react";
import { IconButton } from "../../ui/Button";
import { useSetEditor } from "../state";
import { useSharedComments } from "./CommentsProvider";
import styles from "./Pins.module.css";
import { ThreadView } from "./ThreadView";
import type { Thread } from "./threads";
import { Write } from "./Write";

export default function Bubble({ id, threads }: { readonly id: string; readonly threads: readonly Thread[] }): ReactNode {
  const { pipeline } = useRoom();
  const { add } = useSharedComments();
  const set = useSetEditor();
  const side = useStore(useCallback((state: ReactFlowState) => roomySide(state, id), [id]));
  const name = pipeline.steps().get(id)?.name;
  if (name === undefined) return null;
  return (
    <NodeToolbar nodeId={id} isVisible position={side} align="start" offset={OFFSET} style={ABOVE}>
      <section
        className={styles.bubble}
        aria-label={`Comments on ${name}`}
        onKeyDown={({ key }) => key === "Escape" && set({ commenting: null })}
      >
        <header className={styles.head}>
          <h3 title={name}>{name}</h3>
          <IconButton label="Close the comments" onClick={() => set({ commenting: null })}>
            <X size={15} />
          </IconButton>
        </header>
        <div className={styles.threads}>
          {threads.map((thread) => (
            <ThreadView key={thread.root.id} thread={thread} />
          ))}
          <Write label={`Comment on ${name}`} isFocused={threads.length === 0} send={(content) => add({ content, step_id: id })} />
        </div>
      </section>
    </NodeToolbar>
  );
}

/** Above all steps and pins: by itself it would be above its own step alone. */
const ABOVE = { zIndex: 5 };

const OFFSET = 22;
const BUBBLE_WIDTH = 300;

/** Beside a step at the right edge there is room only at its left. */
function roomySide({ nodeLookup, transform: [x, , zoom], width }: ReactFlowState, id: string): Position {
  const node = nodeLookup.get(id);
  if (node === undefined) return Position.Right;
  const right = x + zoom * (node.internals.positionAbsolute.x + (node.measured.width ?? 0));
  return right + OFFSET + BUBBLE_WIDTH > width ? Position.Left : Position.Right;
}
