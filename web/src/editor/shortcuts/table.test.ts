import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { keysShown } from "../../ui/Kbd";
import { commandOf, SHORTCUTS } from "./table";

const ALL = Object.entries(SHORTCUTS);
const KEYS = ALL.flatMap(([, { keys }]) => keys);

it("gives each key one meaning", () => {
  expect(new Set(KEYS).size).toBe(KEYS.length);
  expect(new Set(ALL.map(([, { does }]) => does)).size).toBe(ALL.length);
});

it("leads from a key to its command", () => {
  expect(commandOf("mod+z")).toBe("undo");
  expect(commandOf("backspace")).toBe("remove");
  // Of these the browser tells by events of their own.
  expect(commandOf("mod+c")).toBeUndefined();
});

it("has what is promised", () => {
  const promised = ["mod+s", "mod+e", "mod+c", "mod+x", "mod+v", "mod+1", "mod+2", "mod+3", "mod+\\", "mod+z", "mod+shift+z", "mod+d", "mod+a", "delete", "tab", "shift+tab", "mod++", "mod+-", "mod+0"];
  expect(promised.filter((key) => !KEYS.includes(key))).toEqual([]);
});

it("leaves to the browser what it does not give away, and has another key for that", () => {
  expect(KEYS.filter((key) => /^mod\+(n|t|w|o)$/u.test(key))).toEqual([]);
  for (const [, { keys }] of ALL.filter((each) => each[1].keys.some((key) => /^mod\+[1-9]$/u.test(key)))) {
    expect(keys.some((key) => !key.startsWith("mod"))).toBe(true);
  }
});

it("takes only keys in fields that type nothing there", () => {
  const inFields = ALL.filter(([, { isInFields }]) => isInFields).flatMap(([, { keys }]) => keys);
  expect(inFields.filter((key) => !/^(mod\+s|(shift\+)?f6)$/u.test(key))).toEqual([]);
});

it("is written down", () => {
  const page = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  const missing = ALL.filter(([, { keys, does }]) => !page.includes(`| ${keys.map((key) => `\`${keysShown(key)}\``).join(" ")} | ${does} |`));
  expect(missing.map(([, { keys, does }]) => `| ${keys.map((key) => `\`${keysShown(key)}\``).join(" ")} | ${does} |`)).toEqual([]);
});
