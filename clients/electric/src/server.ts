import type { MatchingStrategy } from "./collections";

/** Where the server is and who asks it: `#url=http://127.0.0.1:8000&token=TOKEN&team=ID`. */
const given = new URLSearchParams(location.hash.slice(1));

/** By default the page's own server; another one must allow the origin of this page. */
export const url = given.get("url") ?? location.origin;

/** A real page asks its own server for a token. */
const token = given.get("token");
export const hasToken = Boolean(token);
export const headers = { Authorization: `Bearer ${token}` };

/** Opens the page anew with a token. */
export function enter(token: string): void {
  given.set("token", token);
  location.hash = String(given);
  location.reload();
}

async function get<T>(path: string): Promise<T> {
  return (await answered("GET", path)).json() as Promise<T>;
}

/** As long as the server that has the shapes may be missing, and clients to return. By itself TanStack DB waits for five seconds. */
const PATIENCE_MS = 20_000;

/**
 * Writes over REST. The header names the transaction that wrote the rows: returned by the handler of a collection, it
 * keeps what was shown at once until the shape has brought that transaction. Without it there is nothing to wait for.
 */
export async function write(method: "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<MatchingStrategy> {
  const transaction = (await answered(method, path, body)).headers.get("Transaction-Id");
  if (transaction !== null) return { txid: Number(transaction), timeout: PATIENCE_MS };
}

async function answered(method: string, path: string, body?: object): Promise<Response> {
  const json = body && { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
  const answer = await fetch(`${url}/api${path}`, { method, headers, ...json });
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string };
  throw new Error(problem.detail ?? `${answer.status} ${answer.statusText}`);
}

type Named = { id: string; name: string };

/** Who asks, and the team that the address names, or their first one. */
export async function whoAndWhere(): Promise<{ me: Named; team: Named }> {
  const [me, { items }] = await Promise.all([get<Named>("/me"), get<{ items: Named[] }>("/teams")]);
  const team = items.find(({ id }) => id === given.get("team")) ?? items[0];
  if (!team) throw new Error("There is no team yet: make one, or have somebody invite you.");
  return { me, team };
}
