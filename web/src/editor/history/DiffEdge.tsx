/** A connection of a comparison. */
import { BaseEdge, type EdgeProps } from "@xyflow/react";
import { createContext, memo, type ReactNode, useContext } from "react";
import { pathOf } from "../canvas/routing";
import type { CanvasEdge } from "../canvas/viewFlow";
import { cx } from "../../ui/cx";
import type { Kind } from "./comparison";
import styles from "./DiffEdge.module.css";

/** What became of each connection that differs, by its id. */
export const Kinds = createContext<ReadonlyMap<string, Kind>>(new Map());

const RADIUS = 10;

export const DiffEdge = memo(function DiffEdge({ id, data, markerEnd }: EdgeProps<CanvasEdge>): ReactNode {
  const kinds = useContext(Kinds);
  if (data === undefined) return null;
  // Several connections between two steps are one edge: what is new of them is seen before what is gone.
  const found = data.connections.map((connection) => kinds.get(connection.id));
  const kind = (["added", "changed", "removed"] as const).find((each) => found.includes(each));
  const marker = markerEnd === undefined ? {} : { markerEnd };
  return <BaseEdge id={id} path={pathOf(data.route.points, RADIUS)} {...marker} className={cx(styles.edge, kind ? styles[kind] : styles.same)} />;
});
