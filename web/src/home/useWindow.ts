/** Which rows of a long list are near the view: only those are mounted. */
import { type RefObject, useEffect, useState } from "react";

export const ROW_HEIGHT = 60;

/** Rows beyond the view, for the keyboard and for quick scrolling. */
const BEYOND = 12;
/** The window moves by so many rows at once. */
const STEP = 6;
/** Shorter lists are mounted as a whole. */
const SHORT = 80;

export interface Window {
  readonly from: number;
  readonly to: number;
}

/** `rows` is the element whose top is that of the first row; `scroller` is the id of what scrolls. */
export function useWindow(rows: RefObject<HTMLElement | null>, scroller: string, count: number): Window {
  const [range, setRange] = useState<Window>({ from: 0, to: SHORT });
  useEffect(() => {
    const element = document.getElementById(scroller);
    if (element === null || count <= SHORT) return;
    const look = (): void => {
      const top = (rows.current?.getBoundingClientRect().top ?? 0) - element.getBoundingClientRect().top;
      setRange((former) => same(former, windowAt(-top, element.clientHeight)));
    };
    const watched = new ResizeObserver(look);
    watched.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      watched.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [rows, scroller, count]);
  return count <= SHORT ? { from: 0, to: count } : { from: Math.min(range.from, count), to: Math.min(range.to, count) };
}

export function windowAt(scrolled: number, height: number): Window {
  const first = Math.floor(scrolled / ROW_HEIGHT / STEP) * STEP - BEYOND;
  return { from: Math.max(0, first), to: first + Math.ceil(height / ROW_HEIGHT) + 2 * BEYOND + STEP };
}

const same = (former: Window, next: Window): Window => (former.from === next.from && former.to === next.to ? former : next);
