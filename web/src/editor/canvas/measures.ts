/**
 * Measures of what stands on the canvas, in canvas pixels. `tokens.css` has those that styles need, and
 * the server places imported steps by the same (`crdt/pipeline/layout.py`).
 */
export const GRID = 20;

export const NODE_WIDTH = 224;
export const NODE_HEIGHT = 56;

/** Between steps, so that columns are 280 wide and rows 100 high. */
export const GAP_X = 56;
export const GAP_Y = 44;
export const LANE_WIDTH = NODE_WIDTH + GAP_X;

/** Between the edge of a container and its steps. */
export const PADDING = 20;
export const HEAD = 40;
export const LANE_HEAD = 40;

/** How far a port reaches beyond its node, where arrows end. */
export const PORT = 4;

/** How everything is brought into view: the dock covers the bottom. */
export const FIT = { padding: { top: "32px", right: "32px", bottom: "72px", left: "32px" }, maxZoom: 1 } as const;

/** How far one may go away from the canvas, and how near. */
export const ZOOM = { min: 0.1, max: 2 } as const;

/** Below this zoom nodes are plain tiles: nobody could read them. */
export const TILE_ZOOM = 0.4;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle by its upper left corner. */
export interface Box extends Point, Size {}

export const snapped = (value: number): number => Math.round(value / GRID) * GRID;

/** The next length on the grid, upwards. */
export const onGrid = (value: number): number => Math.ceil(value / GRID) * GRID;

export const contains = (box: Box, { x, y }: Point, margin = 0): boolean =>
  x >= box.x - margin && x <= box.x + box.width + margin && y >= box.y - margin && y <= box.y + box.height + margin;

/** Whether two boxes come nearer to each other than a margin. */
export const overlap = (a: Box, b: Box, margin = 0): boolean =>
  a.x < b.x + b.width + margin && b.x < a.x + a.width + margin && a.y < b.y + b.height + margin && b.y < a.y + a.height + margin;
