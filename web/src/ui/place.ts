/** Puts a floating element beside a rectangle of the window, and keeps it inside of the window. */

export type Side = "top" | "bottom";
export type Align = "start" | "center" | "end";

const MARGIN = 8;

export function place(element: HTMLElement, beside: DOMRect, side: Side, align: Align, gap = 4): void {
  const { width, height } = element.getBoundingClientRect();
  const below = beside.bottom + gap;
  const above = beside.top - gap - height;
  const fitsBelow = below + height <= innerHeight - MARGIN;
  const y = side === "bottom" ? (fitsBelow || above < MARGIN ? below : above) : above >= MARGIN ? above : below;
  const x = { start: beside.left, center: beside.left + (beside.width - width) / 2, end: beside.right - width }[align];
  element.style.left = `${Math.max(MARGIN, Math.min(x, innerWidth - width - MARGIN))}px`;
  element.style.top = `${Math.max(MARGIN, Math.min(y, innerHeight - height - MARGIN))}px`;
}
