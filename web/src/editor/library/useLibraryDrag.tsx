/** Drags a type from the library onto the canvas: a ghost as large as the step follows the pointer. */
import { useReactFlow, useStoreApi } from "@xyflow/react";
import { type CSSProperties, type PointerEvent as ReactPointerEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { canvasOf } from "../canvas/canvasState";
import { NODE_HEIGHT, NODE_WIDTH, type Point, snapped } from "../canvas/measures";
import { targetAt } from "../canvas/targets";
import { useRoom } from "pipeloom-client/react";
import { TypeTile } from "../families";
import { useCommands } from "../useCommands";
import styles from "./Ghost.module.css";

/** Nearer than this it is a click. */
const SLACK = 4;

export interface LibraryDrag {
  readonly onPointerDown: ((event: ReactPointerEvent) => void) | undefined;
  /** Whether the click that just came is one, and not the end of a drag. */
  readonly isClick: () => boolean;
  readonly ghost: ReactNode;
}

export function useLibraryDrag(type: string, title: string, isEnabled: boolean): LibraryDrag {
  const room = useRoom();
  const flow = useReactFlow();
  const view = useStoreApi();
  const { add } = useCommands();
  const [at, setAt] = useState<Point | null>(null);
  const stop = useRef<() => void>(() => undefined);
  const wasDrag = useRef(false);
  useEffect(() => () => stop.current(), []);
  const store = canvasOf(room);

  const begin = (down: ReactPointerEvent): void => {
    if (down.button !== 0) return;
    const start = { x: down.clientX, y: down.clientY };
    wasDrag.current = false;
    const aim = ({ x, y }: Point): Point | null => {
      const isOver = document.elementFromPoint(x, y)?.closest(".react-flow") !== null;
      const point = flow.screenToFlowPosition({ x, y }, { snapToGrid: false });
      const target = isOver && store.scene ? targetAt(store.scene, point) : null;
      store.aim(target?.parent === null ? null : target);
      return isOver ? point : null;
    };
    const move = ({ clientX: x, clientY: y }: PointerEvent): void => {
      if (!wasDrag.current && Math.hypot(x - start.x, y - start.y) < SLACK) return;
      wasDrag.current = true;
      setAt({ x, y });
      aim({ x, y });
    };
    const drop = ({ clientX: x, clientY: y }: PointerEvent): void => {
      const point = wasDrag.current ? aim({ x, y }) : null;
      stop.current();
      if (point === null || store.scene === null) return;
      // On an empty canvas it waits to bring everything into view, and would take the step away from the pointer.
      view.setState({ fitViewQueued: false });
      void add(type, targetAt(store.scene, point), cornerOf(point, store.get().isSnapping));
    };
    const press = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && wasDrag.current) stop.current();
    };
    stop.current = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", drop);
      document.removeEventListener("pointercancel", stop.current);
      document.removeEventListener("keydown", press, true);
      store.aim(null);
      setAt(null);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", drop);
    document.addEventListener("pointercancel", stop.current);
    document.addEventListener("keydown", press, true);
  };

  return {
    onPointerDown: isEnabled ? begin : undefined,
    isClick: () => !wasDrag.current,
    ghost: at === null ? null : createPortal(<Ghost type={type} title={title} at={at} zoom={flow.getZoom()} />, document.body),
  };
}

/** The ghost hangs at the pointer by its tile. */
const GRIP: Point = { x: 26, y: NODE_HEIGHT / 2 };

function cornerOf({ x, y }: Point, isSnapping: boolean): Point {
  const corner = { x: x - GRIP.x, y: y - GRIP.y };
  return isSnapping ? { x: snapped(corner.x), y: snapped(corner.y) } : { x: Math.round(corner.x), y: Math.round(corner.y) };
}

const Ghost = ({ type, title, at, zoom }: { readonly type: string; readonly title: string; readonly at: Point; readonly zoom: number }): ReactNode => (
  <div
    className={styles.ghost}
    style={{
      "--x": `${at.x}px`, "--y": `${at.y}px`, "--zoom": zoom, "--grip-x": `${GRIP.x}px`, "--grip-y": `${GRIP.y}px`, "--width": `${NODE_WIDTH}px`,
    } as CSSProperties}
  >
    <TypeTile type={type} />
    <span className={styles.title}>{title}</span>
  </div>
);
