/** Going in once one has joined. */
import type { LinkOffer } from "pipeloom-client/rest";
import { chosenTeam } from "../session/chosenTeam";
import { invitation } from "../session/invitation";
import { greet } from "../session/greeting";

/** Show what the link leads to: its pipeline, or the lists of the team. */
export function enter({ team_id: id, team_name: team }: LinkOffer): void {
  chosenTeam.set(id);
  // An open pipeline says by itself that one is in.
  if (!location.pathname.startsWith("/pipelines/")) greet(`You are in ${team} now.`);
  invitation.drop();
}
