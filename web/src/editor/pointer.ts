/** Where the pointer is, for what appears beside it. */

let last: { readonly x: number; readonly y: number } | null = null;
document.addEventListener("pointermove", ({ clientX: x, clientY: y }) => (last = { x, y }), { passive: true });

/** In pixels of the window; null until it has moved. */
export const pointer = (): typeof last => last;
