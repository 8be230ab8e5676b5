import { expect, it } from "vitest";
import { extentOf, maskOf, shapesOf } from "./mapView";
import { sceneOf } from "./scene";

const step = (id: string, x: number, y: number, type = "claude", parent: string | null = null) => ({ id, type, parent, slot: "steps", position: { x, y } });

it("draws steps by family, containers by themselves, and nothing that is folded away", () => {
  const items = [step("a", 0, 0), step("b", 300, 0, "gemini"), step("loop", 0, 100, "for_loop"), step("c", 20, 60, "claude", "loop")];
  const { paths, bounds } = shapesOf(sceneOf(items));
  expect(paths).toMatchObject({ claude: "M0 0h224v56h-224zM20 160h224v56h-224z", gemini: "M300 0h224v56h-224z", container: "M0 100h264v136h-264z", flow: "" });
  expect(bounds).toEqual({ x: 0, y: 0, width: 524, height: 236 });
  expect(shapesOf(sceneOf(items, { folded: new Set(["loop"]) })).paths.claude).toBe("M0 0h224v56h-224z");
  expect(shapesOf(sceneOf([])).bounds).toBeNull();
});

it("shows all steps and what is seen, in the middle", () => {
  const map = { width: 150, height: 100 };
  const seen = { x: 100, y: 100, width: 200, height: 100 };
  expect(extentOf({ x: 0, y: 0, width: 1400, height: 90 }, seen, map)).toEqual({ x: -50, y: -400, width: 1500, height: 1000, scale: 10 });
  expect(extentOf(null, { x: 0, y: 0, width: 140, height: 90 }, map)).toEqual({ x: -5, y: -5, width: 150, height: 100, scale: 1 });
  expect(maskOf({ x: 0, y: 0, width: 10, height: 8 }, { x: 1, y: 1, width: 2, height: 2 })).toBe("M0.0 0.0h10.0v8.0h-10.0zM1.0 1.0h2.0v2.0h-2.0z");
});
