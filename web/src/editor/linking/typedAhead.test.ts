import { expect, it } from "vitest";
import { typedAhead } from "./typedAhead";

it("writes signs into the field, and takes them back", () => {
  expect(typedAhead([..."summ", "Backspace"])).toEqual({ sought: "sum", by: 0, isChosen: false });
  expect(typedAhead(["Backspace", "a", "👍", "Backspace"]).sought).toBe("a");
});

it("goes through the list, from its top after each sign", () => {
  expect(typedAhead(["Tab", "ArrowDown", "shift+Tab"]).by).toBe(1);
  expect(typedAhead(["Tab", "Tab", "s", "ArrowUp"])).toEqual({ sought: "s", by: -1, isChosen: false });
});

it("ends with what was chosen", () => {
  expect(typedAhead(["s", "Tab", "Enter", "x", "Tab"])).toEqual({ sought: "s", by: 1, isChosen: true });
});

it("leaves out keys that mean nothing to the field", () => {
  expect(typedAhead(["F6", "Delete", "s"]).sought).toBe("s");
});
