/** Where the properties stand: beside the canvas, or as a sheet above it where there is no room. */
import { useSelection } from "pipeloom-client/react";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Skeleton } from "../../ui/Skeleton";
import styles from "./Properties.module.css";

const load = () => import("./Properties");
const Properties = lazy(load);

export function PropertiesArea(): ReactNode {
  const [selected] = useSelection();
  useEffect(() => {
    // Once the steps are drawn: then the first selection need not wait for it.
    const timer = setTimeout(() => void load().catch(() => undefined), 1500);
    return () => clearTimeout(timer);
  }, []);
  if (selected.length === 0) return null;
  return (
    <aside className={styles.properties} aria-label="Properties" tabIndex={-1} data-panel>
      <Suspense fallback={<Skeleton className={styles.waiting} />}>
        <Properties />
      </Suspense>
    </aside>
  );
}
