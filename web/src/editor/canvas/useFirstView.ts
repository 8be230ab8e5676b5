/**
 * What is seen of the canvas at first: everything, or what one last saw, where it comes back from the code or the
 * history. React Flow would draw what is seen at 100 % and only then bring
 * everything into view, and so draw a large pipeline twice.
 */
import { getViewportForBounds, useStoreApi, type Viewport } from "@xyflow/react";
import { type RefObject, useLayoutEffect, useRef, useState } from "react";
import type { CanvasStore } from "./canvasState";
import { FIT, type Size, ZOOM } from "./measures";
import type { Scene } from "./scene";
import { boxAround } from "./surroundings";

/** Everything in view, in a canvas of a size; null where there is nothing, or no room for it. */
export function viewOfAll({ boxes, hidden }: Pick<Scene, "boxes" | "hidden">, { width, height }: Size): Viewport | null {
  const bounds = boxAround([...boxes].flatMap(([id, box]) => (hidden.has(id) ? [] : [box])));
  if (bounds === null || width === 0 || height === 0) return null;
  return getViewportForBounds(bounds, width, height, ZOOM.min, FIT.maxZoom, FIT.padding);
}

/** A point of the canvas in the middle of what is seen, and the zoom. */
export type Seen = Viewport;

export const seenIn = ({ x, y, zoom }: Viewport, { width, height }: Size): Seen => ({ x: (width / 2 - x) / zoom, y: (height / 2 - y) / zoom, zoom });

/** The same point in the middle of a canvas of a size, which may be another one. */
export const viewOf = ({ x, y, zoom }: Seen, { width, height }: Size): Viewport => ({ x: width / 2 - x * zoom, y: height / 2 - y * zoom, zoom });

export interface FirstView {
  /** For the element that stands where the canvas will: it is measured once the steps have come. */
  readonly place: RefObject<HTMLDivElement | null>;
  /** Undefined until it is known; null if there is none, and React Flow finds one when steps come. */
  readonly view: Viewport | null | undefined;
}

export function useFirstView(canvas: CanvasStore, scene: Scene, isLoading: boolean): FirstView {
  const place = useRef<HTMLDivElement>(null);
  const store = useStoreApi();
  const [view, setView] = useState<Viewport | null>();
  useLayoutEffect(() => {
    if (isLoading || view !== undefined || place.current === null) return;
    const { offsetWidth: width, offsetHeight: height } = place.current;
    const first = canvas.seen === null ? viewOfAll(scene, { width, height }) : viewOf(canvas.seen, { width, height });
    // What nodes and edges look like follows from the zoom: they are to know it when they are drawn first.
    if (first !== null) store.setState({ width, height, transform: [first.x, first.y, first.zoom] });
    setView(first);
  }, [canvas, store, scene, isLoading, view]);
  useLayoutEffect(() => () => {
    const { domNode, fitViewQueued, width, height, transform: [x, y, zoom] } = store.getState();
    if (domNode !== null && !fitViewQueued) canvas.seen = seenIn({ x, y, zoom }, { width, height });
  }, [canvas, store]);
  return { place, view };
}
