/** All threads of the pipeline, those that are open first, and a field for one about the pipeline. */
import { useRoom } from "pipeloom-client/react";
import { type ReactNode, useState } from "react";
import { useCommands } from "../useCommands";
import styles from "./Comments.module.css";
import { useSharedComments } from "./CommentsProvider";
import { ThreadView } from "./ThreadView";
import type { Thread } from "./threads";
import { Write } from "./Write";

export default function Comments(): ReactNode {
  const { threads, add } = useSharedComments();
  const [isAll, setAll] = useState(false);
  const resolved = threads.filter(({ root }) => root.resolved);
  const shown = isAll ? threads : threads.filter(({ root }) => !root.resolved);
  return (
    <div className={styles.comments}>
      {shown.map((thread) => (
        <ThreadView key={thread.root.id} thread={thread} about={<About thread={thread} />} />
      ))}
      <Write label="Comment on the pipeline" send={(content) => add({ content })} />
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
