import { expect, it } from "vitest";
import { claimsOf } from "./token";

const jwt = (claims: object): string => `e30.${btoa(JSON.stringify(claims)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "")}.x`;

it("reads what a token says of itself, also of names beyond Latin", () => {
  expect(claimsOf(jwt({ exp: 100, renewable_until: 200, name: "??>>" }))).toEqual({ exp: 100, renewableUntil: 200 });
  expect(claimsOf(jwt({ exp: 100 }))).toEqual({ exp: 100, renewableUntil: 0 });
});

it.each(["", "abc", "a.b.c", jwt({}), jwt({ exp: "soon" })])("finds no claims in %j", (given) => {
  expect(claimsOf(given)).toBeNull();
});
