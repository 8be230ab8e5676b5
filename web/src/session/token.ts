/** Who is signed in in this browser: a link brings a token, the library keeps and renews it. */
import { storedSession } from "pipeloom-client/rest";

export const session = storedSession();

export const token = session.token;

/** Take a token out of the address, which sends its fragment to no server, so that it stays in no history or bookmark. */
export function takeTokenFromAddress(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given === null) return;
  fragment.delete("token");
  const rest = fragment.size > 0 ? `#${fragment}` : "";
  history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  session.keep(given);
}
