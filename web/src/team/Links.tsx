/** The invitation links of a team that are good, and a way to revoke them. */
import { Link2 } from "lucide-react";
import type { InvitationLink, Team } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { daysLeft } from "../session/ago";
import { rest, sentenceOf } from "../session/rest";
import { Button } from "../ui/Button";
import styles from "./People.module.css";
import { ROLES } from "./roles";

export function Links({ team, links, onDone }: {
  readonly team: Team;
  readonly links: readonly InvitationLink[];
  /** Called with the link that was revoked. */
  readonly onDone: (id: string) => void;
}): ReactNode {
  const [refusal, setRefusal] = useState("");
  const revoke = (id: string): void =>
    void rest.links.revoke(team.id, id).then(
      () => (setRefusal(""), onDone(id)),
      (error: unknown) => setRefusal(sentenceOf(error)),
    );
  return (
    <>
      <h3 className={styles.heading}>Links</h3>
      <p role="alert" className={styles.refusal}>{refusal}</p>
      <ul className={styles.people} aria-label={`Links to ${team.name}`}>
        {links.map((each) => <LinkRow key={each.id} link={each} team={team} revoke={() => revoke(each.id)} />)}
      </ul>
    </>
  );
}

function LinkRow({ link, team, revoke }: { readonly link: InvitationLink; readonly team: Team; readonly revoke: () => void }): ReactNode {
  const { role, invited_by: maker, expires_at: until, uses, max_uses: most } = link;
  const disabledReason = role === "owner" && team.role !== "owner" ? "Owners revoke what lets owners in" : undefined;
  const title = `Made ${new Date(link.created_at).toLocaleString()}, good until ${new Date(until).toLocaleString()}`;
  return (
    <li className={styles.person}>
      <span className={styles.sign}>
        <Link2 size={16} aria-hidden="true" />
      </span>
      <span className={styles.who} title={title}>
        <span>{joinedOf(uses, most)}</span>
        <span className={styles.more}>
          By {maker.name}, {daysLeft(until).toLowerCase()}
        </span>
      </span>
      <span className={styles.more}>{ROLES[role]}</span>
      <Button
        variant="ghost"
        onClick={revoke}
        disabledReason={disabledReason}
        aria-label={`Revoke the link for ${ROLES[role].toLowerCase()}s by ${maker.name}, ${joinedOf(uses, most)}`}
      >
        Revoke
      </Button>
    </li>
  );
}

const joinedOf = (uses: number, most: number): string => `${uses} of ${most} joined`;
