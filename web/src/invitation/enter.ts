/** The ways out of an invitation: in, and past it. */
import type { LinkOffer } from "pipeloom-client/rest";
import { chosenTeam } from "../session/chosenTeam";
import { invitation } from "../session/invitation";
import { greet } from "../session/greeting";

/** Show what the link leads to: its pipeline, or the lists of the team. */
export function enter({ team_id: id, team_name: team }: LinkOffer): void {
  chosenTeam.set(id);
  // An open pipeline says by itself that one is in.
  if (!isToPipeline()) greet(`You are in ${team} now.`);
  invitation.drop();
}

/** Whether the link leads to a pipeline, and not to the lists of the team. */
export const isToPipeline = (): boolean => location.pathname.startsWith("/pipelines/");

/** Go to one's own lists: what the link leads to may be closed to who does not join. */
export function pass(): void {
  history.replaceState(null, "", "/home");
  invitation.drop();
}
