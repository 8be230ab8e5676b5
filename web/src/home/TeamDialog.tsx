/** The people of the chosen team, in a dialog. */
import type { Me, Team } from "pipeloom-client/rest";
import type { ReactNode } from "react";
import People from "../team/People";
import { Dialog } from "../ui/Dialog";

export default function TeamDialog({ team, me, onClose }: {
  readonly team: Team;
  readonly me: Me;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <Dialog title={`People in ${team.name}`} onClose={onClose}>
      <People team={team} me={me} />
    </Dialog>
  );
}
