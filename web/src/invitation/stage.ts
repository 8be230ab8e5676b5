/** What somebody sees who came by a link. */
import type { LinkOffer, Me, Team } from "pipeloom-client/rest";

/** Who is signed in, and in which teams. */
export interface Visitor {
  readonly me: Me;
  readonly teams: readonly Team[];
}

export type Stage = "a member" | "used up" | "accept" | "join" | "sign in";

/** Null for a visitor who is not signed in. A member is one, however often the link was used. */
export function stageOf(offer: LinkOffer, visitor: Visitor | null): Stage {
  if (visitor?.teams.some(({ id }) => id === offer.team_id)) return "a member";
  if (offer.uses_left <= 0) return "used up";
  if (visitor !== null) return "accept";
  return offer.gives_accounts ? "join" : "sign in";
}

/** What a link has: 43 characters, as the server makes them. One that was cut while it was copied is not worth asking about. */
export const isWhole = (secret: string): boolean => /^[\w-]{43}$/.test(secret);
