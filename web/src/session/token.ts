/**
 * The token of this browser. A link brings it in the fragment of its address (`#token=…`), which the
 * browser sends to no server; it is kept in the local storage, so that further windows have it too,
 * and exchanged for a newer one while it is valid.
 */

import { restClient } from "pipeloom-client/rest";

const KEY = "pipeloom.token";

/** What a token says of itself, in seconds since 1970. */
interface Claims {
  readonly exp: number;
  /** Until when the server exchanges it for a newer one; 0 means never. */
  readonly renewableUntil: number;
}

/** A token of a session lasts for twelve hours: renewed this long before, it outlasts a night. */
const RENEWED_BEFORE_MS = 10 * 3_600_000;

/** A server may issue shorter ones: each renewal keeps this distance from the last. */
const BETWEEN_RENEWALS_MS = 5 * 60_000;

const listeners = new Set<() => void>();
let renewing: Promise<string | null> | null = null;
let renewedAt = 0;

/** Take a token out of the address, so that it stays in no history, bookmark or screenshot. */
export function takeTokenFromAddress(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given === null) return;
  fragment.delete("token");
  const rest = fragment.size > 0 ? `#${fragment}` : "";
  history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  keepToken(given);
}

export function keepToken(given: string | null): void {
  if (given === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, given.trim());
  notify();
}

/** The token as it is kept, null if there is none that is valid still. */
export function storedToken(now: number = Date.now()): string | null {
  const kept = localStorage.getItem(KEY);
  if (kept === null) return null;
  const claims = claimsOf(kept);
  return claims !== null && claims.exp * 1000 > now ? kept : null;
}

/** A valid token, renewed well before it expires; null means that nobody is signed in. */
export async function token(): Promise<string | null> {
  const kept = storedToken();
  if (kept === null || !isAging(kept)) return kept;
  renewing ??= renew(kept).finally(() => (renewing = null));
  return renewing;
}

async function renew(kept: string): Promise<string | null> {
  renewedAt = Date.now();
  try {
    const { token: next } = await restClient({ token: () => kept }).call("post", "/session");
    keepToken(next);
    return next;
  } catch {
    return kept; // There is no network, or the session is over: the one that is there is good still.
  }
}

function isAging(kept: string, now: number = Date.now()): boolean {
  const claims = claimsOf(kept);
  if (claims === null || now > claims.renewableUntil * 1000 || now - renewedAt < BETWEEN_RENEWALS_MS) return false;
  return claims.exp * 1000 - now < RENEWED_BEFORE_MS;
}

/** Read the claims of a JSON Web Token (RFC 7519), null of what is none. Only the server verifies them. */
export function claimsOf(jwt: string): Claims | null {
  try {
    const payload = (jwt.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const { exp, renewable_until: until } = JSON.parse(atob(payload)) as Record<string, unknown>;
    if (typeof exp !== "number") return null;
    return { exp, renewableUntil: typeof until === "number" ? until : 0 };
  } catch {
    return null;
  }
}

/** Call a listener whenever somebody signs in or out, in this window or another. */
export function subscribeToToken(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function notify(): void {
  for (const listener of [...listeners]) listener();
}

/** Keep the token fresh while the page is open. */
export function keepSignedIn(): void {
  window.addEventListener("storage", ({ key }) => key === KEY && notify());
  setInterval(() => void token(), BETWEEN_RENEWALS_MS);
}
