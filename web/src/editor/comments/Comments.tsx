/** All threads of the pipeline, and a field for one about the pipeline; or those of one step. */
import { useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useState } from "react";
import { useCommands } from "../useCommands";
import styles from "./Comments.module.css";
import { useSharedComments } from "./CommentsProvider";
import { ThreadView } from "./ThreadView";
import type { Thread } from "./threads";
import { Write } from "./Write";

export default function Comments(): ReactNode {
  const { threads, add } = useSharedComments();
  return <Threads threads={threads} label="Comment on the pipeline" about={(thread) => <About thread={thread} />} send={(content) => add({ content })} />;
}

/** The threads of one step, for the panel beside the canvas. */
export function StepComments({ id, name }: { readonly id: string; readonly name: string }): ReactNode {
  const { threads, add } = useSharedComments();
  const own = threads.filter(({ root }) => root.step_id === id);
  return <Threads threads={own} label={`Comment on ${name}`} send={(content) => add({ content, step_id: id })} />;
}

function Threads({ threads, label, about, send }: {
  readonly threads: readonly Thread[];
  readonly label: string;
  readonly about?: (thread: Thread) => ReactNode;
  /** Resolves to whether a new thread was taken. */
  readonly send: (content: string) => Promise<boolean>;
}): ReactNode {
  const [isAll, setAll] = useState(false);
  // Without a connection nobody knows whether there are any.
  const isOffline = useSaved(({ state }) => state === "offline");
  const resolved = threads.filter(({ root }) => root.resolved);
  const shown = isAll ? threads : threads.filter(({ root }) => !root.resolved);
  return (
    <div className={styles.comments}>
      {shown.map((thread) => (
        <ThreadView key={thread.root.id} thread={thread} about={about?.(thread)} />
      ))}
      {shown.length > 0 || isOffline ? null : <p className={styles.none}>{resolved.length === 0 ? "No comments yet." : "No open comments."}</p>}
      <Write label={label} send={send} />
      {resolved.length === 0 ? null : (
        <label className={styles.all}>
          <input type="checkbox" checked={isAll} onChange={({ target }) => setAll(target.checked)} /> Show {resolved.length} resolved
        </label>
      )}
    </div>
  );
}

/** The step that a thread is about: a press leads there. */
function About({ thread: { root } }: { readonly thread: Thread }): ReactNode {
  const { pipeline } = useRoom();
  const { jumpTo } = useCommands();
  const { step_id: id } = root;
  if (id === null) return null;
  const step = pipeline.steps().get(id);
  if (step === undefined) return <span className={styles.gone}>on a step that was deleted</span>;
  return (
    <button type="button" className={styles.about} onClick={() => jumpTo(id)} title={`Show ${step.name}`}>
      {step.name}
    </button>
  );
}
