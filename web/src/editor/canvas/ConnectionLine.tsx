/** The line of a connection while it is drawn. */
import { type ConnectionLineComponentProps, getSmoothStepPath } from "@xyflow/react";
import type { ReactNode } from "react";
import styles from "./ConnectionEdge.module.css";
import type { CanvasNode } from "./viewFlow";

export const ConnectionLine = ({ fromX, fromY, toX, toY, fromPosition, toPosition }: ConnectionLineComponentProps<CanvasNode>): ReactNode => {
  const [path] = getSmoothStepPath({
    sourceX: fromX, sourceY: fromY, sourcePosition: fromPosition, targetX: toX, targetY: toY, targetPosition: toPosition, borderRadius: 10,
  });
  return <path d={path} className={styles.drawn} />;
};
