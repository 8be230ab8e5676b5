/** One thread: what was said, and a field for a reply. */
import { Check, Ellipsis, RotateCcw } from "lucide-react";
import type { Comment } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { ago } from "../../session/ago";
import { rest } from "../../session/rest";
import { Avatar } from "../../ui/Avatar";
import { IconButton } from "../../ui/Button";
import { Menu } from "../../ui/Menu";
import { usePipelineId } from "../state";
import styles from "./Comments.module.css";
import { useSharedComments } from "./CommentsProvider";
import type { Thread } from "./threads";
import { Write } from "./Write";

export function ThreadView({ thread: { root, replies }, about }: { readonly thread: Thread; readonly about?: ReactNode }): ReactNode {
  const { add, resolve, reason } = useSharedComments();
  const Icon = root.resolved ? RotateCcw : Check;
  return (
    <article className={styles.thread} aria-label={`Thread of ${nameOf(root)}`} data-resolved={root.resolved}>
      <One comment={root} about={about}>
        <IconButton label={root.resolved ? "Open again" : "Resolve"} side="top" disabledReason={reason} onClick={() => void resolve(root.id, !root.resolved)}>
          <Icon size={15} />
        </IconButton>
      </One>
      {replies.map((reply) => (
        <One key={reply.id} comment={reply} />
      ))}
      {root.resolved ? null : <Write label="Reply" verb="Reply" send={(content) => add({ content, parent_id: root.id })} />}
    </article>
  );
}

const nameOf = ({ author }: Comment): string => author?.name ?? "Somebody who is gone";

function One({ comment, about, children }: { readonly comment: Comment; readonly about?: ReactNode; readonly children?: ReactNode }): ReactNode {
  const pipeline = usePipelineId();
  const [isEditing, setEditing] = useState(false);
  const change = (content: string): Promise<boolean> =>
    rest.comments.patch(pipeline, comment.id, { content }).then(() => (setEditing(false), true), () => false);
  const { author, content, created_at: time, updated_at: updated } = comment;
  return (
    <div className={styles.comment}>
      {author === null ? null : <Avatar person={author} size={22} />}
      <div className={styles.words}>
        <p className={styles.author}>
          <strong>{nameOf(comment)}</strong> {about} <time dateTime={time}>{ago(time)}{updated === time ? "" : ", edited"}</time>
        </p>
        {isEditing ? <Write label="Change the comment" verb="Save" initial={content} isFocused send={change} /> : <p className={styles.content}>{content}</p>}
      </div>
      {children}
      <Own comment={comment} onEdit={() => setEditing(!isEditing)} />
    </div>
  );
}

/** Authors change and delete their own. */
function Own({ comment, onEdit }: { readonly comment: Comment; readonly onEdit: () => void }): ReactNode {
  const { remove, me } = useSharedComments();
  if (me === undefined || comment.author?.id !== me.id) return null;
  return (
    <Menu
      label="Your comment"
      align="end"
      items={[
        { label: "Edit", onSelect: onEdit },
        { label: "Delete", isDangerous: true, onSelect: () => void remove(comment.id) },
      ]}
      trigger={(trigger) => (
        <IconButton label="Your comment" side="top" {...trigger}>
          <Ellipsis size={15} />
        </IconButton>
      )}
    />
  );
}
