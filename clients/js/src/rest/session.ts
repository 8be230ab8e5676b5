/** Keeps the token of a session fresh. */
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
