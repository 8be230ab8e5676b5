/** Who deleted something, and when. */
import type { DeletedPipeline } from "pipeloom-client/rest";
import type { ReactNode } from "react";
import { ago } from "../session/ago";
import { Avatar } from "../ui/Avatar";
import styles from "./Lists.module.css";

export function DeletedBy({ what }: { readonly what: Pick<DeletedPipeline, "deleted_at" | "deleted_by"> }): ReactNode {
  const { deleted_at: at, deleted_by: by } = what;
  return (
    <span className={styles.by}>
      {by === null ? null : <Avatar person={by} size={20} />}
      <span>
        Deleted by {by?.name ?? "somebody who is gone"}, <time dateTime={at} title={new Date(at).toLocaleString()}>{ago(at).toLowerCase()}</time>
      </span>
    </span>
  );
}
