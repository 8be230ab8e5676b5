import { count, eq, useLiveQuery } from "@tanstack/react-db";
import { type PointerEvent, useState } from "react";
import type { Changed, Collections } from "./collections";
import { type Box, boxesOf, extentOf } from "./layout";
import type { Step } from "./rows";

type Given = Pick<Collections, "steps" | "comments"> & {
  pipeline: string;
  connections: ReturnType<Collections["connectionsOf"]>;
  changed: (change: Changed) => void;
};

export function Canvas({ pipeline, steps, connections, comments, changed }: Given) {
  const { data: shown, isLoading } = useLiveQuery((q) => {
    const remarks = q.from({ comments }).groupBy(({ comments: c }) => c.step_id)
      .select(({ comments: c }) => ({ step: c.step_id, number: count(c.id) }));
    return q.from({ step: steps })
      .where(({ step }) => eq(step.pipeline_id, pipeline))
      .leftJoin({ remarks }, ({ step, remarks: r }) => eq(step.id, r.step))
      .select(({ step, remarks: r }) => ({ ...step, remarks: r?.number }));
  }, [pipeline]);
  const { data: wires } = useLiveQuery((q) => q.from({ connections }), [connections]);
  const [drag, setDrag] = useState<{ id: string; x: number; y: number }>();
  const moved = shown.map((step) => step.id === drag?.id ? { ...step, position_x: drag.x, position_y: drag.y } : step);
  const boxes = boxesOf(moved);
  const { width, height } = extentOf(boxes);
  const drop = () => {
    if (drag) changed(steps.update(drag.id, (draft) => void Object.assign(draft, { position_x: drag.x, position_y: drag.y })));
    setDrag(undefined);
  };
  if (isLoading) return <p className="remark">Loading…</p>;
  return (
    <section className="canvas" aria-label="Canvas" tabIndex={0}>
      <div style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {wires.map(({ id, from_step_id: from, to_step_id: to }) => <Wire key={id} from={boxes.get(from)} to={boxes.get(to)} />)}
        </svg>
        {[...boxes.values()].map((box) => (
          <StepBox key={box.step.id} {...box} onMove={(x, y) => setDrag({ id: box.step.id, x, y })} onDrop={drop}
            onDelete={() => changed(steps.delete(box.step.id))} />
        ))}
        {boxes.size === 0 && <p className="remark">No steps yet.</p>}
      </div>
    </section>
  );
}

function Wire({ from, to }: { from: Box | undefined; to: Box | undefined }) {
  if (!from || !to) return null;
  return <path d={to.y >= from.y + from.height ? downwards(from, to) : sideways(from, to)} />;
}

type Moving = { onMove: (x: number, y: number) => void; onDrop: () => void; onDelete: () => void };

function StepBox({ step, x, y, width, height, isParent, onMove, onDrop, onDelete }: Box & Moving) {
  const [grip, setGrip] = useState<{ x: number; y: number }>();
  const hold = ({ target, currentTarget, pointerId, clientX, clientY }: PointerEvent) => {
    if (target instanceof HTMLButtonElement) return;
    currentTarget.setPointerCapture(pointerId);
    setGrip({ x: clientX - step.position_x, y: clientY - step.position_y });
  };
  const release = () => {
    setGrip(undefined);
    onDrop();
  };
  return (
    <article className="step" data-parent={isParent} data-off={!step.enabled} style={{ left: x, top: y, width, height }}
      onPointerDown={hold} onPointerUp={release} onPointerCancel={release}
      onPointerMove={({ clientX, clientY }) => grip && onMove(clientX - grip.x, clientY - grip.y)}>
      <strong title={step.name}>{step.name}</strong>
      <small>{labelOf(step)}</small>
      <button aria-label={`Delete ${step.name}`} onClick={onDelete}>×</button>
    </article>
  );
}

function downwards(from: Box, to: Box): string {
  const [x1, y1, x2, y2] = [from.x + from.width / 2, from.y + from.height, to.x + to.width / 2, to.y];
  const middle = (y1 + y2) / 2;
  return `M${x1},${y1} C${x1},${middle} ${x2},${middle} ${x2},${y2}`;
}

function sideways(from: Box, to: Box): string {
  const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}

const labelOf = ({ type, remarks }: Step & { remarks?: number | undefined }): string =>
  remarks ? `${type} · ${remarks} ${remarks === 1 ? "comment" : "comments"}` : type;
