/** What a pipeline looks like from afar; the name beside it says which one it is. */
import type { ListedPipeline } from "pipeloom-client/rest";
import { memo, type ReactNode } from "react";
import styles from "./Thumbnail.module.css";
import { BOX, TILE, tilesOf } from "./tiles";

export const Thumbnail = memo(function Thumbnail({ steps }: { readonly steps: ListedPipeline["outline"]["steps"] }): ReactNode {
  return (
    <svg className={styles.thumbnail} viewBox={`0 0 ${BOX.width} ${BOX.height}`} aria-hidden="true">
      {tilesOf(steps).map(({ family, x, y }) => (
        <rect key={`${x} ${y}`} data-family={family} x={x} y={y} width={TILE.width} height={TILE.height} rx={1} />
      ))}
    </svg>
  );
}, (former, next) => JSON.stringify(former.steps) === JSON.stringify(next.steps));
