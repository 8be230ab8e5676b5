/** A card in the middle of an empty page: what somebody sees who is not in yet. */
import type { ReactNode } from "react";
import styles from "./Door.module.css";

export const Door = ({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode => (
  <main className={styles.page}>
    <div className={styles.card}>
      <h1>{title}</h1>
      {children}
    </div>
  </main>
);
