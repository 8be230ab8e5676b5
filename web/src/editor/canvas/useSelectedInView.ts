/** Where the properties or the code take a part of the canvas, the selected step stays in view. */
import { type ReactFlowState, useReactFlow, useStore, useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";
import { stillness } from "../people/viewports";
import { useGetEditor } from "../state";
import { motion } from "../useCommands";
import { MARGIN, shiftSideways } from "./intoView";
import { NODE_WIDTH } from "./measures";

const PAN_MS = 160;
/** Somebody who drags for longer sees to it by themselves. */
const MOST_FRAMES = 300;

const widthOf = ({ width }: ReactFlowState): number => width;

export function useSelectedInView(): void {
  const store = useStoreApi();
  const flow = useReactFlow();
  const get = useGetEditor();
  const width = useStore(widthOf);
  const former = useRef({ width: 0, window: innerWidth });
  useEffect(() => {
    const isNarrower = width < former.current.width && innerWidth === former.current.window;
    former.current = { width, window: innerWidth };
    if (!isNarrower) return;
    // Nothing is moved below a pointer that drags, nor a view that is on its way elsewhere.
    const isStill = stillness();
    let frame = 0;
    const wait = (frames: number): void => {
      const { transform, nodes, userSelectionActive } = store.getState();
      const isAtRest = isStill(transform) && !userSelectionActive && !nodes.some(({ dragging }) => dragging);
      if (isAtRest) pan();
      else if (frames > 0) frame = requestAnimationFrame(() => wait(frames - 1));
    };
    const pan = (): void => {
      const { nodes, transform: [x, y, zoom] } = store.getState();
      const [selected, ...others] = nodes.filter((node) => node.selected);
      const at = selected && flow.getInternalNode(selected.id);
      if (at === undefined || others.length > 0 || get().following !== null) return;
      const left = x + at.internals.positionAbsolute.x * zoom;
      const by = shiftSideways({ left, right: left + (at.measured.width ?? NODE_WIDTH) * zoom }, { left: MARGIN, right: width - MARGIN });
      if (by !== 0) void flow.setViewport({ x: x + by, y, zoom }, { duration: motion(PAN_MS) });
    };
    wait(MOST_FRAMES);
    return () => cancelAnimationFrame(frame);
  }, [width, store, flow, get]);
}
