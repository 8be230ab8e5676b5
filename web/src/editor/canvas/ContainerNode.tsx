/** A step that holds other steps: a loop, a switch with a lane for each case, an inline pipeline. */
import type { NodeProps } from "@xyflow/react";
import { ChevronDown, ChevronRight, Plus } from "lucide-react";
import { type CSSProperties, memo, type ReactNode, Suspense } from "react";
import { cx } from "../../ui/cx";
import { TypeTile } from "../families";
import { useProblemsOf } from "../problems/useProblemsOf";
import { useCanvasContent } from "./canvasContext";
import { useCanvas, useCanvasStore } from "./canvasState";
import styles from "./ContainerNode.module.css";
import { factsOf } from "./facts";
import { type Frame, hasRoom, type Lane, nextIn } from "./scene";
import { caseOf, titleOf } from "./slots";
import { Badge, Ports } from "./StepNode";
import type { CanvasNode } from "./viewFlow";
import { later } from "../../ui/later";

const CaseControls = later(() => import("./CaseControls"));

export const ContainerNode = memo(function ContainerNode({ data, selected }: NodeProps<CanvasNode>): ReactNode {
  const { step, frame } = data;
  const problems = useProblemsOf(step.id);
  const isTarget = useCanvas(({ drop, joining }) => drop?.parent === step.id || joining === step.id);
  if (frame === null) return null;
  const { isFolded, lanes } = frame;
  return (
    <Ports {...data}>
      <div
        className={cx(
          styles.container, problems.errors > 0 && styles.wrong, !step.enabled && styles.disabled,
          selected && styles.selected, isTarget && styles.target, isFolded && styles.folded,
        )}
      >
        <Head data={data} frame={frame} />
        {isFolded ? null : lanes.map((lane, at) => <LaneOf key={lane.slot} id={step.id} frame={frame} lane={lane} isFirst={at === 0} />)}
      </div>
    </Ports>
  );
});

function Head({ data: { step }, frame: { count, isFolded, lanes, isSplit } }: {
  readonly data: CanvasNode["data"];
  readonly frame: Frame;
}): ReactNode {
  const problems = useProblemsOf(step.id);
  const store = useCanvasStore();
  const facts = factsOf(step) || (step.type === "pipeline" ? "inline" : "");
  const [lane] = lanes;
  return (
    <header className={styles.head}>
      <TypeTile type={step.type} />
      <span className={styles.name} title={step.name} data-name>{step.name}</span>
      <span className={styles.facts} title={facts}>{facts}</span>
      <span className={styles.overFacts}>
        {step.type === "switch" ? (
          <Suspense fallback={null}>
            <CaseControls id={step.id} />
          </Suspense>
        ) : null}
        {isSplit || isFolded || lane === undefined ? null : <AddButton id={step.id} lane={lane} label={`Add a step to ${step.name}`} />}
      </span>
      <Badge id={step.id} problems={problems} enabled={step.enabled} />
      <span className={styles.count}>{count === 1 ? "1 step" : `${count} steps`}</span>
      <button
        type="button"
        tabIndex={-1}
        className={cx("nodrag", "nopan", styles.icon)}
        aria-label={isFolded ? `Unfold ${step.name}` : `Fold ${step.name}`}
        aria-expanded={!isFolded}
        onClick={(event) => {
          // It would select the container as well, and the panel that opens then moves what is below the pointer.
          event.stopPropagation();
          store.fold(step.id);
        }}
      >
        {isFolded ? <ChevronRight size={15} /> : <ChevronDown size={15} />}
      </button>
    </header>
  );
}

interface LaneProps {
  readonly id: string;
  readonly frame: Frame;
  readonly lane: Lane;
  readonly isFirst: boolean;
}

function LaneOf({ id, frame, lane, isFirst }: LaneProps): ReactNode {
  const isTarget = useCanvas(({ drop }) => drop?.parent === id && drop.slot === lane.slot);
  const style = { "--left": `${lane.left}px`, "--width": `${lane.right - lane.left}px`, "--x": `${lane.x}px`, "--y": `${nextIn(frame, lane).y}px` };
  return (
    <div
      className={cx(styles.lane, !isFirst && styles.divided, isTarget && styles.laneTarget)}
      data-drop={isTarget || undefined}
      style={style as CSSProperties}
    >
      {frame.isSplit ? <LaneHead id={id} lane={lane} /> : null}
      {hasRoom(frame, lane) ? <AddTile id={id} lane={lane} /> : null}
    </div>
  );
}

function LaneHead({ id, lane }: { readonly id: string; readonly lane: Lane }): ReactNode {
  const value = caseOf(lane.slot);
  const title = value === null ? titleOf(lane.slot) : `case ${value}`;
  return (
    <div className={styles.laneHead}>
      <span className={styles.laneTitle} title={title} data-lane>
        {value === null ? <code>{title}</code> : <>case <code>{value}</code></>}
      </span>
      {value === null ? null : (
        <Suspense fallback={null}>
          <CaseControls id={id} slot={lane.slot} title={title} />
        </Suspense>
      )}
      <AddButton id={id} lane={lane} label={`Add a step to ${title}`} />
    </div>
  );
}

/** Opens the library beside the button, for a step at the end of the lane. */
function useAdd(id: string, { slot }: Lane): { readonly reason: string | undefined; readonly open: (button: HTMLElement) => void } {
  const store = useCanvasStore();
  const reason = useCanvasContent().readOnlyReason;
  return { reason, open: (button) => reason === undefined && store.set({ adding: { beside: button.getBoundingClientRect(), target: { parent: id, slot } } }) };
}

function AddButton({ id, lane, label }: { readonly id: string; readonly lane: Lane; readonly label: string }): ReactNode {
  const { reason, open } = useAdd(id, lane);
  return (
    <button
      type="button"
      tabIndex={-1}
      className={cx("nodrag", "nopan", styles.icon, styles.quiet)}
      aria-label={label}
      aria-disabled={reason !== undefined || undefined}
      title={reason ?? label}
      onClick={({ currentTarget }) => open(currentTarget)}
    >
      <Plus size={15} />
    </button>
  );
}

function AddTile({ id, lane }: { readonly id: string; readonly lane: Lane }): ReactNode {
  const { reason, open } = useAdd(id, lane);
  return (
    <button
      type="button"
      tabIndex={-1}
      className={cx("nodrag", "nopan", styles.add)}
      aria-disabled={reason !== undefined || undefined}
      title={reason}
      onClick={({ currentTarget }) => open(currentTarget)}
    >
      <Plus size={14} /> Add step
    </button>
  );
}
