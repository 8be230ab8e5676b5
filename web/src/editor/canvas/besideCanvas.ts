/** The upper edge of the canvas, in its middle: where a step is chosen that nothing on the canvas asked for. */
export function besideCanvas(): DOMRect {
  const pane = document.querySelector(".react-flow")?.getBoundingClientRect() ?? new DOMRect(0, 48, innerWidth, 0);
  return new DOMRect(pane.x + pane.width / 2, pane.y + 8, 0, 0);
}
