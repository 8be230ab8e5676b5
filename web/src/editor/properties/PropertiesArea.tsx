/** Where the properties stand: beside the canvas, or as a sheet above it where there is no room. */
import { useSelection } from "pipeloom-client/react";
import { type ReactNode, Suspense, useEffect } from "react";
import { Part } from "../../ui/Part";
import { Skeleton } from "../../ui/Skeleton";
import { useEditor } from "../state";
import { useNarrow } from "../useNarrow";
import styles from "./Properties.module.css";
import { later } from "../../ui/later";

const load = () => import("./Properties");
const Properties = later(load);

export function PropertiesArea(): ReactNode {
  const [selected] = useSelection();
  const isNarrow = useNarrow();
  const isOpen = useEditor((state) => state.arePropertiesOpen) || isNarrow;
  useEffect(() => {
    // Once the steps are drawn: then the first selection need not wait for it.
    const timer = setTimeout(() => void load().catch(() => undefined), 1500);
    return () => clearTimeout(timer);
  }, []);
  if (selected.length === 0) return null;
  return (
    <aside className={styles.properties} aria-label="Properties" tabIndex={-1} data-panel data-region="properties" data-folded={!isOpen}>
      <Part name="The properties" resetOn={selected.join()}>
        <Suspense fallback={<Skeleton className={styles.waiting} />}>
          <Properties isOpen={isOpen} />
        </Suspense>
      </Part>
    </aside>
  );
}
