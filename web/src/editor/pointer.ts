/** Where the pointer is, and where what appears beside it is looked for. */

interface Place {
  readonly x: number;
  readonly y: number;
}

let last: Place | null = null;
let isByKeyboard = false;
document.addEventListener("pointermove", ({ clientX: x, clientY: y }) => (isByKeyboard = false, (last = { x, y })), { passive: true });
document.addEventListener("keydown", () => (isByKeyboard = true), { capture: true, passive: true });

/** In pixels of the window; null until it has moved. */
export const pointer = (): Place | null => last;

/** Whoever works by keyboard looks at the selection, everybody else at the pointer. */
export function placeOfAnswers(): Place | null {
  const box = isByKeyboard ? document.querySelector(".react-flow__node.selected")?.getBoundingClientRect() : undefined;
  return box === undefined ? last : { x: box.left, y: box.bottom };
}
