/** Many edges from far away, each path many of them. It stands inside `<ReactFlow>`. */
import { ViewportPortal } from "@xyflow/react";
import { memo, type ReactNode } from "react";
import { cx } from "../../ui/cx";
import type { Strand } from "./farEdges";
import styles from "./Strands.module.css";

export const Strands = memo(function Strands({ strands }: { readonly strands: readonly Strand[] }): ReactNode {
  if (strands.length === 0) return null;
  return (
    <ViewportPortal>
      <svg className={styles.strands} aria-hidden="true">
        {strands.map((strand) => <Lines key={strand.key} strand={strand} />)}
      </svg>
    </ViewportPortal>
  );
});

const Lines = memo(function Lines({ strand: { kind, lines, heads } }: { readonly strand: Strand }): ReactNode {
  return (
    <g className={cx(styles[kind])}>
      <path className={styles.line} d={lines} />
      <path className={styles.head} d={heads} />
    </g>
  );
});
