/** Moves the items of a list: by dragging a handle, or by the arrows while it has the focus. */
import { type KeyboardEvent, type PointerEvent, type RefObject, useEffect, useRef, useState } from "react";

export interface Handle {
  readonly "data-handle": true;
  readonly onPointerDown: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerMove: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerUp: () => void;
  readonly onPointerCancel: () => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
}

export interface Reorder {
  /** For the element whose children are the items. */
  readonly list: RefObject<HTMLOListElement | null>;
  readonly handle: (at: number) => Handle;
  /** What is dragged, and before which place it would be put. */
  readonly drag: { readonly from: number; readonly gap: number } | null;
  /** For a live region. */
  readonly news: string;
}

export function useReorder(count: number, move: (from: number, to: number) => boolean): Reorder {
  const list = useRef<HTMLOListElement>(null);
  const [drag, setDrag] = useState<Reorder["drag"]>(null);
  const [news, setNews] = useState("");
  const focused = useRef<number | null>(null);
  useEffect(() => {
    if (focused.current === null) return;
    list.current?.querySelectorAll<HTMLElement>(":scope > * [data-handle]")[focused.current]?.focus();
    focused.current = null;
  });
  const moveTo = (from: number, to: number): void => {
    if (to < 0 || to >= count || to === from || !move(from, to)) return;
    setNews(`Moved to place ${to + 1} of ${count}`);
    focused.current = to;
  };
  const drop = (): void => {
    if (drag !== null) moveTo(drag.from, drag.gap > drag.from ? drag.gap - 1 : drag.gap);
    setDrag(null);
  };
  const handle = (at: number): Handle => ({
    "data-handle": true,
    onPointerDown: (event) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      setDrag({ from: at, gap: at });
    },
    onPointerMove: ({ clientY }) => {
      if (drag !== null) setDrag({ ...drag, gap: gapAt(list.current, clientY) });
    },
    onPointerUp: drop,
    onPointerCancel: () => setDrag(null),
    onKeyDown: (event) => {
      if (event.key === "Escape" && drag !== null) {
        event.stopPropagation();
        setDrag(null);
      }
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      moveTo(at, at + step);
    },
  });
  return { list, handle, drag, news };
}

/** How many items have their middle above a height of the window. */
function gapAt(list: HTMLElement | null, y: number): number {
  const middles = Array.from(list?.children ?? [], (item) => {
    const { top, height } = item.getBoundingClientRect();
    return top + height / 2;
  });
  return middles.filter((middle) => middle < y).length;
}
