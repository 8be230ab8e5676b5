/** The steps in grey, where they stood when this browser last showed them. */
import type { ReactNode } from "react";
import styles from "./Canvas.module.css";

export const CanvasSkeleton = (): ReactNode => <div role="status" aria-label="Loading the steps" className={styles.canvas} />;
