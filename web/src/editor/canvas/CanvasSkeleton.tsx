/** The steps in grey, where they stood when this browser last showed them; else where steps usually stand. */
import type { CSSProperties, ReactNode, RefObject } from "react";
import { cx } from "../../ui/cx";
import { usePipelineId } from "../state";
import canvasStyles from "./Canvas.module.css";
import styles from "./CanvasSkeleton.module.css";
import { type CachedBox, savedLayout } from "./layoutCache";
import { NODE_HEIGHT, NODE_WIDTH } from "./measures";

const box = (x: number, y: number, width = NODE_WIDTH, height = NODE_HEIGHT): CachedBox => ({ x, y, width, height, isContainer: height !== NODE_HEIGHT });
const USUAL = [box(40, 0), box(320, 0), box(20, 100, 544, 136), box(180, 280)];

export function CanvasSkeleton({ place }: { readonly place: RefObject<HTMLDivElement | null> }): ReactNode {
  const boxes = savedLayout(usePipelineId()) ?? USUAL;
  const [left, top] = [Math.min(...boxes.map(({ x }) => x)), Math.min(...boxes.map(({ y }) => y))];
  const [right, bottom] = [Math.max(...boxes.map(({ x, width }) => x + width)), Math.max(...boxes.map(({ y, height }) => y + height))];
  const extent = { "--width": right - left } as CSSProperties;
  return (
    <div ref={place} role="status" aria-label="Loading the steps" className={cx(canvasStyles.canvas, styles.canvas)}>
      <svg viewBox={`${left} ${top} ${right - left} ${bottom - top}`} className={styles.steps} style={extent} aria-hidden="true">
        {boxes.map((each, at) => (
          <Shape key={at} {...each} />
        ))}
      </svg>
    </div>
  );
}

const Shape = ({ x, y, width, height, isContainer }: CachedBox): ReactNode => (
  <>
    <rect x={x + 0.5} y={y + 0.5} width={width - 1} height={height - 1} rx={isContainer ? 12 : 8} className={isContainer ? styles.container : styles.step} />
    {isContainer ? null : (
      <>
        <rect x={x + 12} y={y + 14} width={28} height={28} rx={6} className={styles.part} />
        <rect x={x + 50} y={y + 17} width={110} height={8} rx={2} className={styles.part} />
        <rect x={x + 50} y={y + 32} width={110} height={8} rx={2} className={styles.part} />
      </>
    )}
  </>
);
