/** The people of a team: its members, who is invited, which links lead in, and a way to invite somebody. */
import { Mail } from "lucide-react";
import { everyItem, type Invitation, type Me, type Member, type Page, type Team } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { daysLeft } from "../session/ago";
import { rest, sentenceOf } from "../session/rest";
import { useAsked } from "../session/useAsked";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Invite } from "./Invite";
import { Links } from "./Links";
import styles from "./People.module.css";
import { mayInvite, ROLES } from "./roles";

const MOST = 200;

export default function People({ team, me, opens = "/" }: {
  readonly team: Team;
  readonly me: Me;
  /** The path to which an invitation link leads in the end. */
  readonly opens?: string;
}): ReactNode {
  const members = useAsked(team.id, () => allOf((page) => rest.members.list(team.id, page)));
  const invitations = useAsked(`${team.id} ${team.role}`, async () => (mayInvite(team) ? allOf((page) => rest.invitations.list(team.id, page)) : []));
  const links = useAsked(`${team.id} ${team.role}`, async () => (mayInvite(team) ? allOf((page) => rest.links.list(team.id, page)) : []));
  const reload = (): void => void Promise.all([members.reload(), invitations.reload(), links.reload()]);
  const [revoked, setRevoked] = useState("");
  const error = members.error ?? invitations.error ?? links.error;
  return (
    <>
      <Invite team={team} onDone={reload} opens={opens} revoked={revoked} />
      {error ? <p role="alert" className={styles.refusal}>{sentenceOf(error)}</p> : null}
      <ul className={styles.people} aria-label={`Members of ${team.name}`}>
        {members.data?.map((member) => <MemberRow key={member.id} member={member} isMe={member.id === me.id} />)}
      </ul>
      {links.data?.length ? <Links team={team} links={links.data} onDone={(id) => (setRevoked(id), reload())} /> : null}
      {invitations.data?.length ? <Invitations team={team} invitations={invitations.data} onDone={reload} /> : null}
    </>
  );
}

async function allOf<T>(page: (query: { readonly limit: number }) => Promise<Page<T>>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const each of everyItem((place) => page({ limit: MOST, ...place }))) {
    if (found.push(each) >= MOST) break;
  }
  return found;
}

const MemberRow = ({ member, isMe }: { readonly member: Member; readonly isMe: boolean }): ReactNode => (
  <li className={styles.person}>
    <Avatar person={member} />
    <span className={styles.who}>
      <span>{isMe ? `${member.name} (you)` : member.name}</span>
      <span className={styles.more}>{member.email}</span>
    </span>
    <span className={styles.more}>{ROLES[member.role]}</span>
  </li>
);

function Invitations({ team, invitations, onDone }: {
  readonly team: Team;
  readonly invitations: readonly Invitation[];
  readonly onDone: () => void;
}): ReactNode {
  const [refusal, setRefusal] = useState("");
  const withdraw = (id: string): void =>
    void rest.invitations.withdraw(team.id, id).then(
      () => (setRefusal(""), onDone()),
      (error: unknown) => (setRefusal(sentenceOf(error)), onDone()),
    );
  return (
    <>
      <h3 className={styles.heading}>Invited</h3>
      <p role="alert" className={styles.refusal}>{refusal}</p>
      <ul className={styles.people} aria-label={`Invited to ${team.name}`}>
        {invitations.map((each) => <InvitationRow key={each.id} invitation={each} team={team} withdraw={() => withdraw(each.id)} />)}
      </ul>
    </>
  );
}

function InvitationRow({ invitation, team, withdraw }: {
  readonly invitation: Invitation;
  readonly team: Team;
  readonly withdraw: () => void;
}): ReactNode {
  const { email, user_id: userId, role, invited_by: inviter, expires_at: until } = invitation;
  const whom = email ?? `The user ${userId}`;
  const disabledReason = role === "owner" && team.role !== "owner" ? "Owners withdraw what they have given to owners" : undefined;
  return (
    <li className={styles.person}>
      <span className={styles.sign}>
        <Mail size={16} aria-hidden="true" />
      </span>
      <span className={styles.who}>
        <span title={whom}>{whom}</span>
        <span className={styles.more} title={`Until ${new Date(until).toLocaleString()}`}>
          By {inviter.name}, {daysLeft(until).toLowerCase()}
        </span>
      </span>
      <span className={styles.more}>{ROLES[role]}</span>
      <Button variant="ghost" onClick={withdraw} disabledReason={disabledReason} aria-label={`Withdraw the invitation of ${whom}`}>
        Withdraw
      </Button>
    </li>
  );
}
