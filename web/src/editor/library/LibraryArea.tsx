/** The library's place; what is in it is loaded after the canvas. */
import { type ReactNode, Suspense } from "react";
import { useEditor } from "../state";
import styles from "./Library.module.css";
import { later } from "../../ui/later";

const Library = later(() => import("./Library"));

export function LibraryArea(): ReactNode {
  const isOpen = useEditor((state) => state.isLibraryOpen);
  return (
    <Suspense fallback={isOpen ? <aside className={styles.library} aria-label="Steps" aria-busy="true" /> : null}>
      <Library />
    </Suspense>
  );
}
