/** A step that holds other steps: a loop, a switch, an inline pipeline. */
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { useRoom, type StepNode } from "pipeloom-client/react";
import { memo, type ReactNode } from "react";
import { cx } from "../../ui/cx";
import { TypeTile } from "../families";
import { useProblemsOf } from "../problems/useProblemsOf";
import styles from "./ContainerNode.module.css";
import { factsOf } from "./facts";
import { Badge } from "./StepNode";
import portStyles from "./StepNode.module.css";

export const ContainerNode = memo(function ContainerNode({ data: { step }, selected }: NodeProps<StepNode>): ReactNode {
  const problems = useProblemsOf(step.id);
  return (
    <>
      <Handle type="target" position={Position.Top} className={portStyles.port} />
      <div className={cx(styles.container, problems.errors > 0 && styles.wrong, selected && styles.selected)}>
        <header className={styles.head}>
          <TypeTile type={step.type} />
          <span className={styles.name} title={step.name}>{step.name}</span>
          <span className={styles.facts}>{factsOf(step)}</span>
          <Badge {...problems} enabled={step.enabled} />
          <Count id={step.id} />
        </header>
      </div>
      <Handle type="source" position={Position.Bottom} className={portStyles.port} />
    </>
  );
});

function Count({ id }: { readonly id: string }): ReactNode {
  const { pipeline } = useRoom();
  let count = 0;
  for (const step of pipeline.steps().values()) if (step.parent_step_id === id) count++;
  return <span className={styles.count}>{count === 1 ? "1 step" : `${count} steps`}</span>;
}
