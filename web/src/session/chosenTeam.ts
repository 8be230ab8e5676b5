/** Which team the lists show, in this browser. */
import { local } from "../local";

const KEY = "pipeloom.team";

export const chosenTeam = {
  get: (): string | null => local.getItem(KEY),
  set: (teamId: string): void => local.setItem(KEY, teamId),
};
