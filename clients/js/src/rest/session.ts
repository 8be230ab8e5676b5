/** Keeps the token of a session fresh. */
import { Listeners } from "../listeners.js";
import { RestClient } from "./client.js";

export interface SessionOptions {
  /** The server; by default that of the page. */
  readonly url?: string;
  /** The token of the link, or the one that was kept. */
  readonly token: string;
  /** Called with each next token: keep it, so that the page can be loaded again. */
  readonly onToken?: (token: string) => void;
  readonly fetch?: typeof fetch;
}

/**
 * A `token` function for a link's token: it renews a token of a session once half of its life is over, and
 * returns null once it has expired. Other tokens are returned as long as they are valid.
 */
export function sessionToken({ token, onToken, ...options }: SessionOptions): () => Promise<string | null> {
  let current = token;
  let renewing: Promise<void> | undefined;
  let read = Date.now();
  const rest = new RestClient({ ...options, token: () => current });
  const renew = async (): Promise<void> => {
    const next = await rest.call("post", "/session");
    [current, read] = [next.token, Date.now()];
    onToken?.(current);
  };
  return async () => {
    const { exp, renewable_until: until } = claimsOf(current);
    const now = Date.now();
    // Without `iat` its life is counted from when this page got it.
    const isDue = now > (read + exp) / 2 && now < until;
    if (isDue && now < exp) {
      renewing ??= renew().finally(() => (renewing = undefined));
      // While it cannot be renewed it is still good.
      await renewing.catch(() => undefined);
    }
    return Date.now() < claimsOf(current).exp ? current : null;
  };
}

export interface StoredSessionOptions {
  /** The server; by default that of the page. */
  readonly url?: string;
  /** Under which key the token is kept. */
  readonly key?: string;
  /** Where it is kept; by default the `localStorage`. */
  readonly storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly fetch?: typeof fetch;
}

/** Who is signed in in this browser. */
export interface StoredSession {
  /** A `token` function; it renews as `sessionToken` does. */
  readonly token: () => Promise<string | null>;
  /** The token that is kept, null if there is none that is valid still. */
  readonly current: () => string | null;
  /** Sign in with a token, or sign out with null. */
  readonly keep: (token: string | null) => void;
  /** Call a listener whenever another token is kept, or none, in this window or in another. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** The token of a browser, in its storage: further windows have it, too, and all go on with the newest. */
export function storedSession(options: StoredSessionOptions = {}): StoredSession {
  const { key = "pipeloom.token", storage = localStorage, ...server } = options;
  const listeners = new Listeners();
  let held: string | null = null;
  let renewed = async (): Promise<string | null> => null;
  const keep = (token: string | null): void => {
    if (token === null) storage.removeItem(key);
    else storage.setItem(key, token.trim());
    listeners.call();
  };
  const current = (): string | null => {
    const kept = storage.getItem(key);
    return kept !== null && Date.now() < claimsOf(kept).exp ? kept : null;
  };
  const hold = (token: string): void => {
    held = token;
    // Who has signed out meanwhile, or as somebody else, stays so.
    const onToken = (next: string): void => void (storage.getItem(key) === held && ((held = next), keep(next)));
    renewed = sessionToken({ ...server, token, onToken });
  };
  const token = async (): Promise<string | null> => {
    const kept = current();
    if (kept !== null && kept !== held) hold(kept);
    if (kept !== null) await renewed();
    return current();
  };
  globalThis.addEventListener?.("storage", (event) => (event as StorageEvent).key === key && listeners.call());
  return { token, current, keep, subscribe: (listener) => listeners.add(listener) };
}

/** The times in a token, in milliseconds. What is none of ours never expires here: the server decides. */
function claimsOf(token: string): { readonly exp: number; readonly renewable_until: number } {
  try {
    const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const { exp, renewable_until = 0 } = JSON.parse(atob(part));
    return { exp: Number(exp) * 1000, renewable_until: Number(renewable_until) * 1000 };
  } catch {
    return { exp: Number.POSITIVE_INFINITY, renewable_until: 0 };
  }
}
