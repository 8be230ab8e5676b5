/** The editor's layout in grey, until it is there. */
import type { ReactNode } from "react";
import { Skeleton } from "../ui/Skeleton";
import styles from "./EditorSkeleton.module.css";

export const EditorSkeleton = (): ReactNode => (
  <div role="status" aria-label="Loading the pipeline" className={styles.editor}>
    <div className={styles.top}>
      <Skeleton className={styles.title} />
    </div>
    <div className={styles.canvas}>
      {[0, 1, 2].map((at) => (
        <Skeleton key={at} className={styles.node} />
      ))}
    </div>
  </div>
);
