import { expect, it } from "vitest";
import { overlap } from "./measures";
import { type Item, sceneOf } from "./scene";
import { spaced, tidied } from "./tidy";

const step = (id: string, parent: string | null = null, slot = "steps", type = "claude", x = 7, y = 13): Item => ({ id, type, parent, slot, position: { x, y } });
const wire = (from: string, to: string) => ({ id: `${from}${to}`, from_step_id: from, to_step_id: to, from_output: "output", to_input: "input", path_data: null });

it("puts readers below what they read, side by side", () => {
  const scene = sceneOf(["a", "b", "c", "d"].map((id) => step(id)));
  expect(tidied(scene, [wire("a", "b"), wire("a", "c"), wire("b", "d"), wire("c", "d")])).toEqual({
    a: { x: 180, y: 40 }, b: { x: 40, y: 140 }, c: { x: 320, y: 140 }, d: { x: 180, y: 240 },
  });
});

it("keeps steps without connections in their order", () => {
  const scene = sceneOf(["a", "x", "b", "c"].map((id) => step(id)));
  const { a, x, b, c } = tidied(scene, [wire("b", "c")]);
  expect([a, x, b, c].map((place) => place?.y)).toEqual([40, 140, 240, 340]);
});

it("tidies containers and lanes inside, in the same columns", () => {
  const scene = sceneOf([
    step("first"), step("s", null, "steps", "switch"), step("a", "s", 'cases:"x"', "claude", 20), step("b", "s", 'cases:"x"', "claude", 20),
    step("c", "s", "default", "claude", 300), step("loop", null, "steps", "for_loop"), step("d", "loop"),
  ]);
  const places = tidied(scene, [wire("first", "s"), wire("a", "b"), wire("s", "loop")]);
  expect(places).toMatchObject({ a: { x: 20, y: 80 }, b: { x: 20, y: 180 }, c: { x: 300, y: 80 }, d: { x: 20, y: 60 } });
  expect(places["s"]).toEqual({ x: 20, y: 140 });
  expect(places["loop"]).toEqual({ x: 160, y: 440 });
});

it("puts cases into the order of the file, and the default last", () => {
  const scene = sceneOf([step("s", null, "steps", "switch"), step("d", "s", "default", "claude", 20), step("h", "s", 'cases:"high"', "claude", 300), step("l", "s", 'cases:"low"', "claude", 580)]);
  const places = tidied(scene, [], [], new Map([["s", ['cases:"low"', 'cases:"high"']]]));
  expect([places["l"]?.x, places["h"]?.x, places["d"]?.x]).toEqual([20, 300, 580]);
});

it("leaves those alone that were not chosen", () => {
  const scene = sceneOf([step("a", null, "steps", "claude", 400, 300), step("b", null, "steps", "claude", 433, 310), step("c", null, "steps", "claude", 0, 0)]);
  expect(tidied(scene, [wire("a", "b"), wire("b", "c")], ["a", "b"])).toEqual({ a: { x: 400, y: 300 }, b: { x: 400, y: 400 } });
});

it("makes nothing overlap, whatever flows where", () => {
  const items = Array.from({ length: 60 }, (_, at) => step(`s${at}`, at % 7 === 3 ? "s0" : at % 11 === 5 ? "s3" : null, "steps", at < 4 ? "for_loop" : "claude"));
  const wires = items.flatMap(({ id }, at) => [wire(`s${(at * 7) % 60}`, id), wire(id, `s${(at * 13) % 60}`)]).filter(({ from_step_id: a, to_step_id: b }) => a !== b);
  const places = tidied(sceneOf(items), wires);
  const scene = sceneOf(items.map((item) => ({ ...item, position: places[item.id] ?? item.position })));
  for (const line of scene.children.values()) {
    for (const a of line) for (const b of line) if (a !== b) expect(overlap(scene.boxes.get(a.id) as never, scene.boxes.get(b.id) as never)).toBe(false);
  }
  for (const { x, y } of Object.values(places)) expect([Math.abs(x % 20), Math.abs(y % 20)]).toEqual([0, 0]);
});

it("spreads by the least squares", () => {
  expect(spaced([0, 0], [280])).toEqual([-140, 140]);
  expect(spaced([0, 600, 600], [280, 280])).toEqual([0, 460, 740]);
});
