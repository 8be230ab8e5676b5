import { expect, it } from "vitest";
import { keyOf } from "./keyOf";

const stroke = (key: string, ...held: readonly string[]) => ({
  key,
  ctrlKey: held.includes("ctrl"),
  metaKey: held.includes("meta"),
  shiftKey: held.includes("shift"),
  altKey: held.includes("alt"),
});

it.each([
  [stroke("z", "ctrl"), "mod+z"],
  [stroke("Z", "meta", "shift"), "mod+shift+z"],
  [stroke("=", "ctrl"), "mod++"],
  [stroke("+", "ctrl", "shift"), "mod++"],
  [stroke("?", "shift"), "?"],
  [stroke("Escape"), "escape"],
  [stroke("ArrowDown", "shift"), "shift+arrowdown"],
])("names %j %s", (given, name) => {
  expect(keyOf(given)).toBe(name);
});
