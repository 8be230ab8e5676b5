/** Pins at the steps that somebody has commented on, and the threads of the one that is open. */
import { NodeToolbar, Position } from "@xyflow/react";
import { useRoom, useSelection } from "pipeloom-client/react";
import { type CSSProperties, type ReactNode, Suspense } from "react";
import { personColor, initials } from "../../theme/people";
import { useIsFar } from "../canvas/canvasContext";
import { useEditor, useSetEditor } from "../state";
import { useNarrow } from "../useNarrow";
import { useSharedComments } from "./CommentsProvider";
import styles from "./Pins.module.css";
import { useCommentTool } from "./useCommentTool";
import type { Thread } from "./threads";
import { later } from "../../ui/later";

const Bubble = later(() => import("./Bubble"));

/** Above all steps. */
const ABOVE = { zIndex: 4 };

/** More pins than these are left to the list: each follows its node. */
const MOST = 100;

export default function Pins(): ReactNode {
  const { byStep } = useSharedComments();
  const isFar = useIsFar();
  const open = useEditor((state) => state.commenting);
  useCommentTool();
  return (
    <>
      {isFar ? null : [...byStep].slice(0, MOST).map(([id, threads]) => <Pin key={id} id={id} threads={threads} />)}
      {open === null ? null : (
        <Suspense>
          <Bubble key={open} id={open} threads={byStep.get(open) ?? []} />
        </Suspense>
      )}
    </>
  );
}

function Pin({ id, threads }: { readonly id: string; readonly threads: readonly Thread[] }): ReactNode {
  const { pipeline } = useRoom();
  const open = useEditor((state) => state.commenting);
  const set = useSetEditor();
  const [, select] = useSelection();
  const isNarrow = useNarrow();
  // Beside a step there is no room in a narrow window: the step's own sheet has its comments.
  const press = (): void => (isNarrow ? select([id]) : set({ commenting: open === id ? null : id }));
  const author = threads[0]?.root.author;
  const step = pipeline.steps().get(id);
  if (step === undefined) return null;
  const count = threads.length === 1 ? "1 thread" : `${threads.length} threads`;
  return (
    <NodeToolbar nodeId={id} isVisible position={Position.Top} align="end" offset={-10} style={ABOVE}>
      <button
        type="button"
        tabIndex={-1}
        className={styles.pin}
        aria-label={`Comments on ${step.name}: ${count}`}
        aria-expanded={open === id}
        title={`${author?.name ?? "Somebody"}: ${threads[0]?.root.content.slice(0, 120) ?? ""}`}
        style={author ? ({ "--person": personColor(author.id) } as CSSProperties) : undefined}
        data-initials={author ? initials(author.name) : "…"}
        onClick={press}
      />
    </NodeToolbar>
  );
}
