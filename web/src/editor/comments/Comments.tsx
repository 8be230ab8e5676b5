/** The comments of the pipeline: those that are open, newest last, and one's own next. */
import { Check } from "lucide-react";
import { type useComments, useRoom } from "pipeloom-client/react";
import { type FormEvent, type ReactNode, useState } from "react";
import { Avatar } from "../../ui/Avatar";
import { Button, IconButton } from "../../ui/Button";
import styles from "./Comments.module.css";

type CommentsProps = ReturnType<typeof useComments>;

export function Comments({ comments, add, resolve }: CommentsProps): ReactNode {
  const { pipeline } = useRoom();
  const open = comments.filter(({ resolved }) => !resolved);
  return (
    <div className={styles.comments}>
      {open.map(({ id, author, content, step_id: stepId, parent_id: parent }) => (
        <article key={id} className={styles.comment} data-reply={parent !== null}>
          {author === null ? null : <Avatar person={author} />}
          <div className={styles.words}>
            <p className={styles.author}>
              {author?.name ?? "Somebody who is gone"}
              {stepId === null ? null : <code> {pipeline.steps().get(stepId)?.name}</code>}
            </p>
            <p>{content}</p>
          </div>
          {parent === null ? (
            <IconButton label="Resolve" side="top" onClick={() => void resolve(id)}>
              <Check size={16} />
            </IconButton>
          ) : null}
        </article>
      ))}
      <Write add={add} />
    </div>
  );
}

function Write({ add }: Pick<CommentsProps, "add">): ReactNode {
  const [text, setText] = useState("");
  const [refusal, setRefusal] = useState("");
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (text.trim() === "") return;
    const isTaken = await add({ content: text.trim() });
    // What was refused stays in the field.
    setRefusal(isTaken ? "" : "The comment was not saved: try again.");
    if (isTaken) setText("");
  };
  return (
    <form onSubmit={(event) => void submit(event)} className={styles.write}>
      <input value={text} onChange={(event) => setText(event.target.value)} aria-label="Comment on the pipeline" placeholder="Comment on the pipeline" />
      <Button type="submit">Comment</Button>
      <span role="alert" className={styles.refusal}>{refusal}</span>
    </form>
  );
}
