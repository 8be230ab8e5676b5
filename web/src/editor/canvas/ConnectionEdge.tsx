/** A connection on the canvas: orthogonal, with round corners, straight where both ends are level. */
import { BaseEdge, type EdgeProps, getSmoothStepPath } from "@xyflow/react";
import type { ConnectionEdge as ConnectionEdgeType } from "pipeloom-client/react";
import { memo, type ReactNode } from "react";
import { cx } from "../../ui/cx";
import styles from "./ConnectionEdge.module.css";

export const ConnectionEdge = memo(function ConnectionEdge({ id, markerEnd, selected, ...ends }: EdgeProps<ConnectionEdgeType>): ReactNode {
  const [path] = getSmoothStepPath({ ...ends, borderRadius: 10 });
  const marker = markerEnd === undefined ? {} : { markerEnd };
  return <BaseEdge id={id} path={path} {...marker} className={cx(styles.edge, selected && styles.selected)} />;
});
