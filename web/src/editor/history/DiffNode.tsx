/** A step of a comparison: what has changed stands out, the rest steps back. */
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { Minus, Pencil, Plus } from "lucide-react";
import { createContext, memo, type ReactNode, useContext } from "react";
import { cx } from "../../ui/cx";
import type { CanvasNode } from "../canvas/viewFlow";
import { factsOf } from "../canvas/facts";
import { caseOf, titleOf } from "../canvas/slots";
import { TypeTile } from "../families";
import type { EntryChange } from "./comparison";
import styles from "./DiffNode.module.css";
import { fieldChanges } from "./words";

/** The steps that differ, by their ids. */
export const Changes = createContext<ReadonlyMap<string, EntryChange>>(new Map());

export const DiffNode = memo(function DiffNode({ data, selected }: NodeProps<CanvasNode>): ReactNode {
  const { step, frame } = data;
  const change = useContext(Changes).get(step.id);
  const className = cx(frame === null ? styles.card : styles.container, change === undefined ? styles.same : styles[change.kind], selected && styles.selected);
  return (
    <>
      <Handle type="target" position={Position.Top} className={styles.port} isConnectable={false} />
      <div className={className}>
        {change === undefined ? null : <Label change={change} />}
        <div className={styles.head}>
          <TypeTile type={step.type} />
          <span className={styles.words}>
            <span className={styles.name} title={step.name}>{step.name}</span>
            <span className={styles.facts}>{factsOf(step) || step.type.replaceAll("_", " ")}</span>
          </span>
        </div>
        {frame?.isSplit ? <Lanes frame={frame} /> : null}
      </div>
      <Handle type="source" position={Position.Bottom} className={styles.port} isConnectable={false} />
    </>
  );
});

function Lanes({ frame: { lanes } }: { readonly frame: NonNullable<CanvasNode["data"]["frame"]> }): ReactNode {
  return lanes.map(({ slot, left, x }) => {
    const value = caseOf(slot);
    return (
      <span key={slot} className={cx(styles.lane, left > 0 && styles.divided)} style={{ "--left": `${left}px`, "--x": `${x - left}px` } as React.CSSProperties}>
        {value === null ? titleOf(slot) : `case ${value}`}
      </span>
    );
  });
}

function Label({ change: { kind, changes } }: { readonly change: EntryChange }): ReactNode {
  const count = fieldChanges(changes).length;
  const [Icon, text] = {
    added: [Plus, "Added"] as const,
    removed: [Minus, "Removed"] as const,
    changed: [Pencil, count === 1 ? "1 field" : `${count} fields`] as const,
  }[kind];
  return (
    <span className={styles.label}>
      <Icon size={11} aria-hidden="true" /> {text}
    </span>
  );
}
