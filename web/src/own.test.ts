import { expect, test } from "vitest";
import { iconOf } from "./editor/families";
import { factsOf } from "./editor/canvas/facts";
import { mainSlotOf } from "./editor/canvas/scene";
import { titleOf } from "./editor/canvas/slots";
import { own } from "./own";

test("a table has its own words and no inherited ones", () => {
  expect(own({ bash: 1 }, "bash")).toBe(1);
  for (const word of ["constructor", "__proto__", "toString", "hasOwnProperty"]) expect(own({ bash: 1 }, word)).toBeUndefined();
});

test("a type or a slot may be called like something that every object inherits", () => {
  for (const word of ["constructor", "__proto__", "toString"]) {
    expect(factsOf({ type: word, config: {} })).toBe("");
    expect(iconOf(word)).toBe(iconOf("of no family"));
    expect(mainSlotOf(word)).toBe("steps");
    expect(titleOf(word)).toBe(word.replaceAll("_", " "));
  }
});
