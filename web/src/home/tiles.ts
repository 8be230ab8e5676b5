/** A small picture of a pipeline: its steps as tiles, in the columns and rows in which they stand. */
import { type Family, familyOf } from "../editor/familyOf";

export interface Tile {
  readonly family: Family;
  /** In units of a box of 52 × 32. */
  readonly x: number;
  readonly y: number;
}

export const BOX = { width: 52, height: 32 } as const;
export const TILE = { width: 11, height: 4.5 } as const;

const GAP = 2;
const MOST = { columns: 4, rows: 5 } as const;

interface Placed {
  readonly type: string;
  readonly x: number;
  readonly y: number;
}

/** At most 4 × 5 tiles, one for each place; of more columns or rows, neighbours share one. */
export function tilesOf(steps: readonly Placed[]): readonly Tile[] {
  const column = ranks(steps.map(({ x }) => x), 140, MOST.columns);
  const row = ranks(steps.map(({ y }) => y), 40, MOST.rows);
  const taken = new Map<string, { family: Family; column: number; row: number }>();
  steps.forEach(({ type }, at) => {
    const place = { column: column[at] ?? 0, row: row[at] ?? 0 };
    const key = `${place.column} ${place.row}`;
    if (!taken.has(key)) taken.set(key, { family: familyOf(type), ...place });
  });
  return centred([...taken.values()]);
}

function centred(tiles: readonly { family: Family; column: number; row: number }[]): readonly Tile[] {
  const columns = Math.max(0, ...tiles.map(({ column }) => column + 1));
  const rows = Math.max(0, ...tiles.map(({ row }) => row + 1));
  const left = (BOX.width - columns * (TILE.width + GAP) + GAP) / 2;
  const top = (BOX.height - rows * (TILE.height + GAP) + GAP) / 2;
  return tiles.map(({ family, column, row }) => ({
    family,
    x: left + column * (TILE.width + GAP),
    y: top + row * (TILE.height + GAP),
  }));
}

/** The rank of each value among those that are apart by at least `apart`, below `most`. */
function ranks(values: readonly number[], apart: number, most: number): readonly number[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const rankOf = new Map<number, number>();
  let [rank, begin] = [0, sorted[0] ?? 0];
  for (const value of sorted) {
    if (value - begin >= apart) [rank, begin] = [rank + 1, value];
    rankOf.set(value, rank);
  }
  const share = Math.min(1, most / (rank + 1));
  return values.map((value) => Math.floor((rankOf.get(value) ?? 0) * share));
}
