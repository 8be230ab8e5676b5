/** A connection on the canvas, along the way that was found for it. */
import { BaseEdge, EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import { type CSSProperties, memo, type ReactNode } from "react";
import { cx } from "../../ui/cx";
import styles from "./ConnectionEdge.module.css";
import type { Point } from "./measures";
import { labelPlace, pathOf, returnLabelPlace } from "./routing";
import type { CanvasEdge } from "./viewFlow";

const RADIUS = 10;
const LABEL_HEIGHT = 20;

/** About as wide as the text of a label gets, with its padding. */
const widthOf = (label: string): number => label.length * 6.4 + 16;

export const ConnectionEdge = memo(function ConnectionEdge({ id, data, markerEnd }: EdgeProps<CanvasEdge>): ReactNode {
  if (data === undefined) return null;
  const { route, kind, label, isActive } = data;
  const marker = markerEnd === undefined ? {} : { markerEnd };
  return (
    <>
      <BaseEdge id={id} path={pathOf(route.points, RADIUS)} {...marker} className={cx(styles.edge, styles[kind], isActive && styles.active)} />
      {label === null ? null : (
        <EdgeLabelRenderer>
          <Label text={label} kind={kind} {...placeOf(data, label)} />
        </EdgeLabelRenderer>
      )}
    </>
  );
});

function placeOf({ kind, route, around, target }: NonNullable<CanvasEdge["data"]>, label: string): Point {
  const width = widthOf(label);
  return kind === "loop" ? returnLabelPlace(route.points, width, target) : labelPlace(route.points, width, LABEL_HEIGHT, around);
}

const Label = ({ text, kind, x, y }: { readonly text: string; readonly kind: string; readonly x: number; readonly y: number }): ReactNode => (
  <span className={cx(styles.label, styles[kind])} style={{ "--x": `${x}px`, "--y": `${y}px` } as CSSProperties}>
    {text}
  </span>
);
