import { expect, it } from "vitest";
import { BOX, TILE, tilesOf } from "./tiles";

const step = (x: number, y: number, type = "claude") => ({ type, x, y });

it("draws steps in their columns and rows, in the middle of the box", () => {
  const tiles = tilesOf([step(0, 0), step(280, 0, "gemini"), step(3, 100, "switch")]);
  expect(tiles.map(({ family, x, y }) => [family, x, y])).toEqual([
    ["claude", 14, 10.5],
    ["gemini", 27, 10.5],
    ["flow", 14, 17],
  ]);
});

it("stays inside the box, with one tile for each place", () => {
  const many = Array.from({ length: 24 }, (_, at) => step((at % 6) * 280, Math.floor(at / 6) * 100));
  const tiles = tilesOf([...many, step(1, 1), step(1e9, -1e9)]);
  expect(new Set(tiles.map(({ x, y }) => `${x} ${y}`)).size).toBe(tiles.length);
  for (const { x, y } of tiles) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x + TILE.width).toBeLessThanOrEqual(BOX.width);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y + TILE.height).toBeLessThanOrEqual(BOX.height);
  }
});

it("draws nothing of nothing", () => {
  expect(tilesOf([])).toEqual([]);
});
