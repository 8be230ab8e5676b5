import type { LinkOffer, Me, Team } from "pipeloom-client/rest";
import { expect, it } from "vitest";
import { isWhole, stageOf, type Visitor } from "./stage";

const offer = (changes: Partial<LinkOffer> = {}): LinkOffer => ({
  team_id: "t",
  team_name: "Core",
  organization_name: "Acme",
  role: "member",
  invited_by: { id: "u", name: "Ada", avatar_url: null },
  expires_at: "2026-12-07T09:00:00Z",
  uses_left: 1,
  gives_accounts: true,
  ...changes,
});

const visitor = (...teams: readonly string[]): Visitor => ({ me: { id: "v" } as Me, teams: teams.map((id) => ({ id }) as Team) });

it("asks who is signed in whether to join", () => {
  expect(stageOf(offer(), visitor("another"))).toBe("accept");
});

it("lets strangers join where the server makes accounts, and sign in elsewhere", () => {
  expect(stageOf(offer(), null)).toBe("join");
  expect(stageOf(offer({ gives_accounts: false }), null)).toBe("sign in");
});

it("leads members in, though the link is used up, and says so to others", () => {
  expect(stageOf(offer({ uses_left: 0 }), visitor("t"))).toBe("a member");
  expect(stageOf(offer({ uses_left: 0 }), visitor())).toBe("used up");
  expect(stageOf(offer({ uses_left: 0 }), null)).toBe("used up");
});

it.each([
  ["x".repeat(43), true],
  ["x".repeat(42), false],
  [`${"x".repeat(42)}.`, false],
  ["", false],
])("knows whether %j is whole", (secret, isIt) => {
  expect(isWhole(secret)).toBe(isIt);
});
