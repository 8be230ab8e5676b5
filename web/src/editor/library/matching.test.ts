import { expect, it } from "vitest";
import { matching } from "./matching";

const TYPES = [
  { type: "claude_session", title: "Claude, session", description: "Keeps a conversation." },
  { type: "gemini", title: "Gemini", description: "Asks once." },
];

it.each([
  ["", ["claude_session", "gemini"]],
  ["  GEMINI ", ["gemini"]],
  ["conversation claude", ["claude_session"]],
  ["claude once", []],
])("finds for %j %j", (sought, found) => {
  expect(matching(TYPES, sought).map(({ type }) => type)).toEqual(found);
});
