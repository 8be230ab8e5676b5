/**
 * The map: the whole pipeline in small. It is written by no component: steps as a path for each family a few times
 * a second, what is seen once per frame. A shape for each step, as React Flow's map has, costs as much as the canvas.
 */
import { Panel, useReactFlow, useStoreApi } from "@xyflow/react";
import { type ReactNode, useEffect, useRef } from "react";
import { type CanvasStore, useCanvasStore } from "./canvasState";
import styles from "./Map.module.css";
import { extentOf, maskOf, SHADES, shapesOf } from "./mapView";
import type { Box } from "./measures";
import type { Scene } from "./scene";

const SIZE = { width: 152, height: 104 };
const STEPS_MS = 120;
/** How much a wheel zooms: as React Flow's map. */
const WHEEL = 0.002;

export default function Map(): ReactNode {
  const root = useRef<SVGSVGElement>(null);
  const drawing = useDrawing(root);
  usePanning(root, drawing);
  return (
    <Panel position="bottom-right" className={styles.map}>
      <svg ref={root} width={SIZE.width} height={SIZE.height} role="img" aria-label="Map of the pipeline">
        {SHADES.map((shade) => <path key={shade} data-shade={shade} />)}
        <path data-shade="mask" fillRule="evenodd" />
      </svg>
    </Panel>
  );
}

type FlowState = ReturnType<ReturnType<typeof useStoreApi>["getState"]>;

class Drawing {
  /** Canvas pixels for one of the map. */
  scale = 1;
  private drawn: Scene | null = null;
  private bounds: Box | null = null;

  constructor(private readonly root: SVGSVGElement) {}

  drawSteps(scene: Scene | null): void {
    if (scene === null || scene === this.drawn) return;
    const { paths, bounds } = shapesOf(scene);
    [this.drawn, this.bounds] = [scene, bounds];
    for (const shade of SHADES) this.write(shade, paths[shade]);
  }

  drawSeen({ transform: [x, y, zoom], width, height }: FlowState): void {
    const seen = { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
    const extent = extentOf(this.bounds, seen, SIZE);
    this.scale = extent.scale;
    this.root.setAttribute("viewBox", `${extent.x} ${extent.y} ${extent.width} ${extent.height}`);
    this.write("mask", maskOf(extent, seen));
  }

  private write(shade: string, path: string): void {
    this.root.querySelector(`[data-shade=${shade}]`)?.setAttribute("d", path);
  }
}

type Held<T> = { readonly current: T | null };

function useDrawing(root: Held<SVGSVGElement>): Held<Drawing> {
  const flow = useStoreApi();
  const canvas = useCanvasStore();
  const drawing = useRef<Drawing>(null);
  useEffect(() => {
    if (root.current === null) return;
    drawing.current = new Drawing(root.current);
    return following(drawing.current, flow, canvas);
  }, [root, flow, canvas]);
  return drawing;
}

function following(drawing: Drawing, flow: ReturnType<typeof useStoreApi>, canvas: CanvasStore): () => void {
  let [frame, timer] = [0, 0];
  const draw = (): void => {
    frame = 0;
    drawing.drawSeen(flow.getState());
  };
  const drawSteps = (): void => {
    timer = 0;
    drawing.drawSteps(canvas.scene);
    frame ||= requestAnimationFrame(draw);
  };
  const stop = flow.subscribe((state, former) => {
    if (state.nodes !== former.nodes) timer ||= window.setTimeout(drawSteps, STEPS_MS);
    if (state.transform !== former.transform || state.width !== former.width || state.height !== former.height) frame ||= requestAnimationFrame(draw);
  });
  drawSteps();
  return () => {
    stop();
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}

/** A drag moves what is seen, the wheel zooms it. */
function usePanning(root: Held<SVGSVGElement>, drawing: Held<Drawing>): void {
  const flow = useReactFlow();
  const latest = useRef(flow);
  latest.current = flow;
  useEffect(() => {
    const element = root.current;
    if (element === null) return;
    const move = ({ pointerId, movementX, movementY }: PointerEvent): void => {
      // What is dragged over the map was pressed elsewhere.
      if (!element.hasPointerCapture(pointerId)) return;
      const { x, y, zoom } = latest.current.getViewport();
      const by = (drawing.current?.scale ?? 1) * zoom;
      void latest.current.setViewport({ x: x - movementX * by, y: y - movementY * by, zoom });
    };
    const press = ({ pointerId }: PointerEvent): void => element.setPointerCapture(pointerId);
    const turn = (event: WheelEvent): void => {
      event.preventDefault();
      void latest.current.zoomTo(latest.current.getZoom() * 2 ** (-event.deltaY * WHEEL));
    };
    element.addEventListener("pointerdown", press);
    element.addEventListener("pointermove", move);
    element.addEventListener("wheel", turn, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", press);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("wheel", turn);
    };
  }, [root, drawing]);
}
