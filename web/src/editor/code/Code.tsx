/** The pipeline as YAML. Its editor is a chunk of its own. */
import { useReactFlow } from "@xyflow/react";
import { type ReactNode, type RefObject, Suspense, useLayoutEffect, useRef } from "react";
import { Skeleton } from "../../ui/Skeleton";
import { useEditor } from "../state";
import styles from "./Code.module.css";
import { later } from "../../ui/later";

const CodeView = later(() => import("./CodeView"));

export function Code(): ReactNode {
  const root = useRef<HTMLElement>(null);
  useSameMiddle(root);
  return (
    <section ref={root} className={styles.code} aria-label="Pipeline YAML" data-region="code">
      <Suspense fallback={<Skeleton className={styles.waiting} />}>
        <CodeView />
      </Suspense>
    </section>
  );
}

/** What stood in the middle of the canvas stays there while the code takes a part of its place. */
function useSameMiddle(root: RefObject<HTMLElement | null>): void {
  const flow = useReactFlow();
  const isSplit = useEditor(({ view }) => view === "split");
  // A canvas that comes beside the code finds what was last seen in its middle by itself.
  const isAlone = useRef(false);
  useLayoutEffect(() => {
    const wasAlone = isAlone.current;
    isAlone.current = !isSplit;
    const width = root.current?.offsetWidth ?? 0;
    if (!isSplit || width === 0) return;
    const move = (by: number): void => {
      const { x, y, zoom } = flow.getViewport();
      void flow.setViewport({ x: x + by, y, zoom });
    };
    if (!wasAlone) move(-width / 2);
    return () => move(width / 2);
  }, [flow, isSplit, root]);
}
