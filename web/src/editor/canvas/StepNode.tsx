/** A step on the canvas. */
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { CircleAlert, EyeOff, MessageSquare, TriangleAlert } from "lucide-react";
import { memo, type ReactNode } from "react";
import { cx } from "../../ui/cx";
import { familyOf, TypeTile } from "../families";
import { type Counts, useProblemsOf } from "../problems/useProblemsOf";
import { useCanvasContent, useIsFar } from "./canvasContext";
import { useCanvas } from "./canvasState";
import { factsOf } from "./facts";
import styles from "./StepNode.module.css";
import type { CanvasNode } from "./viewFlow";

type Shown = Pick<NodeProps<CanvasNode>, "data" | "selected">;

/** A tile of the family's colour without ports while the canvas is far away: a full node costs four times as much. */
export const StepNode = memo(function StepNode({ data, selected, dragging }: NodeProps<CanvasNode>): ReactNode {
  if (useIsFar()) return <Tile data={data} selected={selected} />;
  return (
    <Ports {...data}>
      <Card data={data} selected={selected} isDragged={dragging} />
    </Ports>
  );
});

/** Something with a port for what comes in at its top and one for what goes out at its bottom. */
export const Ports = ({ hasIn, hasOut, label, children }: {
  readonly hasIn: boolean;
  readonly hasOut: boolean;
  readonly label: string;
  readonly children: ReactNode;
}): ReactNode => (
  <>
    <Handle type="target" position={Position.Top} className={cx(styles.port, hasIn && styles.connected)} title={`Into ${label}`} />
    {children}
    <Handle type="source" position={Position.Bottom} className={cx(styles.port, hasOut && styles.connected)} title={`Out of ${label}: drag to connect`} />
  </>
);

const Tile = ({ data: { step }, selected }: Shown): ReactNode => (
  <div className={cx(styles.tile, selected && styles.selected)} data-family={familyOf(step.type)} title={step.name}>
    <span className="visually-hidden" data-name>{step.name}</span>
  </div>
);

function Card({ data: { step }, selected, isDragged }: Shown & { readonly isDragged: boolean }): ReactNode {
  const problems = useProblemsOf(step.id);
  const isJoining = useCanvas(({ joining }) => joining === step.id);
  const isWrong = problems.errors > 0;
  const facts = factsOf(step) || step.type.replaceAll("_", " ");
  return (
    <div className={cx(styles.card, !step.enabled && styles.disabled, isWrong && styles.wrong, selected && styles.selected, isDragged && styles.dragged, isJoining && styles.joining)}>
      <TypeTile type={step.type} />
      <div className={styles.words}>
        <p className={styles.name} title={step.name} data-name>{step.name}</p>
        <p className={styles.facts} title={facts}>{facts}</p>
      </div>
      <Badge id={step.id} problems={problems} enabled={step.enabled} />
    </div>
  );
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

/** At the right stands one thing, by rank. */
export function Badge({ id, problems: { errors, warnings }, enabled }: {
  readonly id: string;
  readonly problems: Counts;
  readonly enabled: boolean;
}): ReactNode {
  const comments = useCanvasContent().comments.get(id) ?? 0;
  if (errors > 0) {
    return (
      <span className={cx(styles.badge, styles.error)} role="img" aria-label={counted(errors, "error")} title={counted(errors, "error")}>
        <CircleAlert size={13} /> {errors}
      </span>
    );
  }
  if (warnings > 0) {
    return (
      <span className={cx(styles.badge, styles.warning)} role="img" aria-label={counted(warnings, "warning")} title={counted(warnings, "warning")}>
        <TriangleAlert size={13} /> {warnings}
      </span>
    );
  }
  if (!enabled) return <EyeOff size={15} className={styles.eye} role="img" aria-label="Disabled" />;
  if (comments === 0) return null;
  return (
    <span className={styles.comments} role="img" aria-label={counted(comments, "comment")} title={counted(comments, "comment")}>
      <MessageSquare size={13} /> {comments}
    </span>
  );
}
