/** The rows of a list in grey, until they are there. */
import type { ReactNode } from "react";
import { Skeleton } from "../ui/Skeleton";
import styles from "./Loading.module.css";

export const Loading = (): ReactNode => (
  <div role="status" aria-label="Loading" className={styles.loading}>
    {[0, 1, 2, 3, 4].map((at) => (
      <div key={at} className={styles.row}>
        <Skeleton className={styles.picture} />
        <div className={styles.words}>
          <Skeleton className={styles.name} />
          <Skeleton className={styles.description} />
        </div>
      </div>
    ))}
  </div>
);
