/** The teams to which one is invited, above the lists. */
import type { MyInvitation } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { rest } from "../session/rest";
import { useAsked } from "../session/useAsked";
import { ROLES } from "../team/roles";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { useHome } from "./HomeState";
import styles from "./Invitations.module.css";

export function Invitations(): ReactNode {
  const { data, reload } = useAsked("", () => rest.invitations.mine());
  if (!data?.items.length) return null;
  return (
    <ul className={styles.list} aria-label="Invitations">
      {data.items.map((each) => <Row key={each.id} invitation={each} onAnswered={reload} />)}
    </ul>
  );
}

function Row({ invitation, onAnswered }: { readonly invitation: MyInvitation; readonly onAnswered: () => Promise<void> }): ReactNode {
  const { id, team_name: team, organization_name: organization, role, invited_by: inviter } = invitation;
  const { attempt, join, say } = useHome();
  const [isBusy, setBusy] = useState(false);
  const answer = async (deed: () => Promise<void>): Promise<void> => {
    setBusy(true);
    await attempt(deed);
    // What was withdrawn meanwhile is gone, too.
    await onAnswered();
    setBusy(false);
  };
  const accept = async (): Promise<void> => {
    const joined = await rest.invitations.accept(id);
    await join(joined.id);
    say({ text: `You are in ${joined.name} now.` });
  };
  const decline = async (): Promise<void> => {
    await rest.invitations.decline(id);
    say({ text: `Declined the invitation to ${team}.` });
  };
  const disabledReason = isBusy ? "Under way" : undefined;
  return (
    <li className={styles.invitation}>
      <Avatar person={inviter} />
      <span className={styles.words}>
        <span>
          You are invited to <strong>{team}</strong> by {inviter.name}
        </span>
        <span className={styles.more}>
          {ROLES[role]}, {organization}
        </span>
      </span>
      <span className={styles.answers}>
        <Button onClick={() => void answer(decline)} disabledReason={disabledReason} aria-label={`Decline the invitation to ${team}`}>Decline</Button>
        <Button variant="primary" onClick={() => void answer(accept)} disabledReason={disabledReason} aria-label={`Accept the invitation to ${team}`}>Accept</Button>
      </span>
    </li>
  );
}
