/** What a box around steps selects: steps that it touches, and containers that are in it as a whole. */
import { useReactFlow } from "@xyflow/react";
import { useSelection } from "pipeloom-client/react";
import { type MouseEvent as ReactMouseEvent, useRef } from "react";
import { useCanvasStore } from "./canvasState";
import { contains, type Point } from "./measures";
import { useStable } from "../../ui/useStable";

export interface BoxSelection {
  readonly onSelectionStart: (event: ReactMouseEvent) => void;
  readonly onSelectionEnd: (event: ReactMouseEvent) => void;
}

export function useBoxSelection(): BoxSelection {
  const flow = useReactFlow();
  const store = useCanvasStore();
  const [selected, select] = useSelection();
  const start = useRef<Point | null>(null);
  const pointOf = ({ clientX: x, clientY: y }: ReactMouseEvent): Point => flow.screenToFlowPosition({ x, y }, { snapToGrid: false });
  const onSelectionStart = useStable((event: ReactMouseEvent): void => void (start.current = pointOf(event)));
  const onSelectionEnd = useStable((event: ReactMouseEvent): void => {
    const [from, to, { scene }] = [start.current, pointOf(event), store];
    start.current = null;
    if (from === null || scene === null) return;
    const [x, y] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    const box = { x, y, width: Math.abs(from.x - to.x), height: Math.abs(from.y - to.y) };
    const isWhole = (id: string): boolean => {
      const each = scene.boxes.get(id);
      return each === undefined || (contains(box, each) && contains(box, { x: each.x + each.width, y: each.y + each.height }));
    };
    const kept = selected.filter((id) => !scene.frames.has(id) || isWhole(id));
    if (kept.length > 0 && kept.length < selected.length) select(kept);
  });
  return { onSelectionStart, onSelectionEnd };
}
