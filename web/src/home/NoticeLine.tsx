/** The line below the heading: what was done last and how to undo it, or why it was not. */
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "../ui/Button";
import { useHome } from "./HomeState";
import styles from "./NoticeLine.module.css";

export function NoticeLine(): ReactNode {
  const { notice, say } = useHome();
  return (
    <div role={notice?.isRefusal ? "alert" : "status"} className={styles.place}>
      {notice === null ? null : (
        <p className={styles.notice} data-refusal={notice.isRefusal ?? false}>
          <span className={styles.text}>{notice.text}</span>
          {notice.actions?.map(({ label, run }) => (
            <button key={label} type="button" className={styles.action} onClick={() => (say(null), run())}>
              {label}
            </button>
          ))}
          <IconButton label="Dismiss" side="top" onClick={() => say(null)}>
            <X size={16} />
          </IconButton>
        </p>
      )}
    </div>
  );
}
