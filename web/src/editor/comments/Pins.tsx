/** Pins at the steps that somebody has commented on, and the threads of the one that is open. */
import { NodeToolbar, Position, type ReactFlowState, useStore } from "@xyflow/react";
import { X } from "lucide-react";
import { useRoom, useSelection } from "pipeloom-client/react";
import { type CSSProperties, type ReactNode, useCallback, useEffect } from "react";
import { personColor, initials } from "../../theme/people";
import { IconButton } from "../../ui/Button";
import { useIsFar } from "../canvas/StepNode";
import { keyOf } from "../shortcuts/keyOf";
import { useEditor, useSetEditor } from "../state";
import { useSharedComments } from "./CommentsProvider";
import styles from "./Pins.module.css";
import { ThreadView } from "./ThreadView";
import type { Thread } from "./threads";
import { Write } from "./Write";

/** More pins than these are left to the list: each follows its node. */
const MOST = 100;

export function Pins(): ReactNode {
  const { byStep } = useSharedComments();
  const isFar = useIsFar();
  const open = useEditor((state) => state.commenting);
  useKeys();
  return (
    <>
      {isFar ? null : [...byStep].slice(0, MOST).map(([id, threads]) => <Pin key={id} id={id} threads={threads} />)}
      {open === null ? null : <Bubble key={open} id={open} threads={byStep.get(open) ?? []} />}
    </>
  );
}

function Pin({ id, threads }: { readonly id: string; readonly threads: readonly Thread[] }): ReactNode {
  const { pipeline } = useRoom();
  const open = useEditor((state) => state.commenting);
  const set = useSetEditor();
  const author = threads[0]?.root.author;
  const step = pipeline.steps().get(id);
  if (step === undefined) return null;
  const count = threads.length === 1 ? "1 thread" : `${threads.length} threads`;
  return (
    <NodeToolbar nodeId={id} isVisible position={Position.Top} align="end" offset={-10} className={styles.place}>
      <button
        type="button"
        className={styles.pin}
        aria-label={`Comments on ${step.name}: ${count}`}
        aria-expanded={open === id}
        title={`${author?.name ?? "Somebody"}: ${threads[0]?.root.content.slice(0, 120) ?? ""}`}
        style={author ? ({ "--person": personColor(author.id) } as CSSProperties) : undefined}
        onClick={() => set({ commenting: open === id ? null : id })}
      >
        {author ? initials(author.name) : "…"}
      </button>
    </NodeToolbar>
  );
}

/** The threads of one step, beside it. */
function Bubble({ id, threads }: { readonly id: string; readonly threads: readonly Thread[] }): ReactNode {
  const { pipeline } = useRoom();
  const { add } = useSharedComments();
  const set = useSetEditor();
  const side = useStore(useCallback((state: ReactFlowState) => roomySide(state, id), [id]));
  const name = pipeline.steps().get(id)?.name;
  if (name === undefined) return null;
  return (
    <NodeToolbar nodeId={id} isVisible position={side} align="start" offset={OFFSET}>
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

const OFFSET = 22;
const BUBBLE_WIDTH = 300;

/** Beside a step at the right edge there is room only at its left. */
function roomySide({ nodeLookup, transform: [x, , zoom], width }: ReactFlowState, id: string): Position {
  const node = nodeLookup.get(id);
  if (node === undefined) return Position.Right;
  const right = x + zoom * (node.internals.positionAbsolute.x + (node.measured.width ?? 0));
  return right + OFFSET + BUBBLE_WIDTH > width ? Position.Left : Position.Right;
}

/** `C` comments on the selected step. */
function useKeys(): void {
  const [[first]] = useSelection();
  const set = useSetEditor();
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (keyOf(event) !== "c" || first === undefined) return;
      event.preventDefault();
      set({ commenting: first });
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [first, set]);
}
