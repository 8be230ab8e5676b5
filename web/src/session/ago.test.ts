import { expect, it } from "vitest";
import { ago } from "./ago";

const NOW = Date.parse("2026-11-30T12:00:00Z");

it.each([
  ["2026-11-30T11:59:30Z", "Now"],
  // A clock of the server that is ahead.
  ["2026-11-30T12:00:05Z", "Now"],
  ["2026-11-30T11:48:00Z", "12 min ago"],
  ["2026-11-30T09:00:00Z", "3 h ago"],
  ["2026-11-29T10:00:00Z", "Yesterday"],
  ["2026-11-24T12:00:00Z", "24 Nov"],
  ["2025-11-24T12:00:00Z", "24 Nov 2025"],
])("shows %s as %s", (time, shown) => {
  expect(ago(time, NOW)).toBe(shown);
});
