/** Who is signed in in this browser: a link brings a token, the library keeps and renews it. */
import { storedSession } from "pipeloom-client/rest";
import { inMemory, local } from "../local";
import { takeFromAddress } from "./fragment";
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

/** Sign in with the token of the address, if it has one. */
export function takeTokenFromAddress(): void {
  const given = takeFromAddress("token");
  if (given !== null) session.keep(given);
}
