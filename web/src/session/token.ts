/** Who is signed in in this browser: a link brings a token, the library keeps and renews it. */
import { storedSession } from "pipeloom-client/rest";
import { inMemory, local } from "../local";
import { isEmbedded, tokenOfParent } from "./parent";

/** In a frame nothing is kept: the page around it signs in, and may be somebody else's next time. */
export const session = storedSession({ storage: isEmbedded ? inMemory() : local });

export const token = isEmbedded ? tokenInFrame : session.token;

async function tokenInFrame(): Promise<string | null> {
  const held = await session.token();
  if (held !== null) return held;
  session.keep(await tokenOfParent());
  return session.token();
}

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
