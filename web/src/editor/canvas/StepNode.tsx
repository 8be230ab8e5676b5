/** A step on the canvas. */
import { Handle, type NodeProps, Position, useStore } from "@xyflow/react";
import { CircleAlert, EyeOff, TriangleAlert } from "lucide-react";
import type { StepNode as StepNodeType } from "pipeloom-client/react";
import { memo, type ReactNode } from "react";
import { cx } from "../../ui/cx";
import { familyOf, TypeTile } from "../families";
import { useProblemsOf } from "../problems/useProblemsOf";
import { factsOf } from "./facts";
import styles from "./StepNode.module.css";
import { TILE_ZOOM } from "./sizes";

const isTiny = ({ transform: [, , zoom] }: { readonly transform: readonly [number, number, number] }): boolean => zoom < TILE_ZOOM;

/** A tile of the family's colour while the canvas is far away: a full node costs four times as much. */
export const StepNode = memo(function StepNode({ data: { step }, selected }: NodeProps<StepNodeType>): ReactNode {
  const isTile = useStore(isTiny);
  return (
    <>
      <Handle type="target" position={Position.Top} className={styles.port} />
      {isTile ? <Tile step={step} selected={selected} /> : <Card step={step} selected={selected} />}
      <Handle type="source" position={Position.Bottom} className={styles.port} />
    </>
  );
});

type Shown = Pick<NodeProps<StepNodeType>, "selected"> & { readonly step: StepNodeType["data"]["step"] };

const Tile = ({ step, selected }: Shown): ReactNode => (
  <div className={cx(styles.tile, selected && styles.selected)} data-family={familyOf(step.type)} title={step.name} />
);

function Card({ step, selected }: Shown): ReactNode {
  const problems = useProblemsOf(step.id);
  const isWrong = problems.errors > 0;
  return (
    <div className={cx(styles.card, !step.enabled && styles.disabled, isWrong && styles.wrong, selected && styles.selected)}>
      <TypeTile type={step.type} />
      <div className={styles.words}>
        <p className={styles.name} title={step.name}>{step.name}</p>
        <p className={styles.facts}>{factsOf(step) || step.type.replaceAll("_", " ")}</p>
      </div>
      <Badge {...problems} enabled={step.enabled} />
    </div>
  );
}

/** At the right stands one thing, by rank. */
export function Badge({ errors, warnings, enabled }: {
  readonly errors: number;
  readonly warnings: number;
  readonly enabled: boolean;
}): ReactNode {
  if (errors > 0) {
    return (
      <span className={cx(styles.badge, styles.error)} role="img" aria-label={`${errors} errors`}>
        <CircleAlert size={13} /> {errors}
      </span>
    );
  }
  if (warnings > 0) {
    return (
      <span className={cx(styles.badge, styles.warning)} role="img" aria-label={`${warnings} warnings`}>
        <TriangleAlert size={13} /> {warnings}
      </span>
    );
  }
  return enabled ? null : <EyeOff size={14} role="img" aria-label="Disabled" />;
}
