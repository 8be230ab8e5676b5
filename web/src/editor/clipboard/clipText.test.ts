import { expect, it } from "vitest";
import { MOST_STEPS, readClip, textOfClip } from "./clipText";

const step = (id: string, parent: string | null = null) => ({ id, name: id, type: "claude", parent_step_id: parent, position: { x: 20, y: 60 } });

it("brings copied steps back, the outermost with their corners on the canvas", () => {
  const text = textOfClip({ steps: [step("a", "away"), step("b", "a")], connections: [] }, (id) => (id === "a" ? { x: 340, y: 140 } : { x: 9, y: 9 }));
  const read = readClip(text);
  if (read === null || !("copied" in read)) throw new Error("expected steps");
  expect(read.copied.steps.map(({ position }) => position)).toEqual([{ x: 340, y: 140 }, { x: 20, y: 60 }]);
});

it("leaves other texts to others", () => {
  for (const text of ["", "hello", "steps: []", "{}", '{"pipeloom":"something else"}']) expect(readClip(text)).toBeNull();
});

const clip = (steps: unknown) => `${textOfClip({ steps: [], connections: [] }, () => undefined).split('"steps":[')[0]}"steps":${JSON.stringify(steps)},"connections":[]}`;

it.each([
  ["cut off", clip([step("a")]).slice(0, -9), "not complete"],
  ["no list", clip({}), "says that it is steps"],
  ["no steps", clip([]), "There are no steps"],
  ["without places", clip([{ ...step("a"), position: { x: null, y: 1e999 } }]), "says that it is steps"],
  ["too many", clip(Array.from({ length: MOST_STEPS + 1 }, (_, at) => step(String(at)))), `at most ${MOST_STEPS}`],
])("refuses a clipboard that is %s, with the reason", (_, text, reason) => {
  const read = readClip(text);
  expect(read !== null && "refusal" in read ? read.refusal : read).toContain(reason);
});
