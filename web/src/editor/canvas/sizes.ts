/** Sizes of what stands on the canvas, in canvas pixels; `tokens.css` has the same. */
export const NODE_WIDTH = 224;
export const NODE_HEIGHT = 56;

/** Below this zoom nodes are plain tiles: nobody could read them. */
export const TILE_ZOOM = 0.4;
