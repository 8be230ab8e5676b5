/** The people of a team: its members, who is invited, and a way to invite somebody. */
import { Mail } from "lucide-react";
import { everyItem, type Invitation, type Me, type Member, type Page, type Team } from "pipeloom-client/rest";
import { type FormEvent, type ReactNode, useState } from "react";
import { daysLeft } from "../session/ago";
import { rest, sentenceOf } from "../session/rest";
import { useAsked } from "../session/useAsked";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Select } from "../ui/Select";
import { TextField } from "../ui/TextField";
import styles from "./People.module.css";
import { ROLES } from "./roles";

const MOST = 200;

const mayInvite = ({ role }: Team): boolean => role === "owner" || role === "admin";

export default function People({ team, me }: { readonly team: Team; readonly me: Me }): ReactNode {
  const members = useAsked(team.id, () => allOf((page) => rest.members.list(team.id, page)));
  const invitations = useAsked(`${team.id} ${team.role}`, async () => (mayInvite(team) ? allOf((page) => rest.invitations.list(team.id, page)) : []));
  const reload = (): void => void Promise.all([members.reload(), invitations.reload()]);
  const error = members.error ?? invitations.error;
  return (
    <>
      <Invite team={team} onDone={reload} />
      {error ? <p role="alert" className={styles.refusal}>{sentenceOf(error)}</p> : null}
      <ul className={styles.people} aria-label={`Members of ${team.name}`}>
        {members.data?.map((member) => <MemberRow key={member.id} member={member} isMe={member.id === me.id} />)}
      </ul>
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

type Role = Team["role"];

const GIVEN: readonly (readonly [Role, string])[] = [
  ["member", "Member: edits"],
  ["viewer", "Viewer: reads"],
  ["admin", "Admin: manages"],
];

const OWNER: readonly [Role, string] = ["owner", "Owner: everything"];

function Invite({ team, onDone }: { readonly team: Team; readonly onDone: () => void }): ReactNode {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [refusal, setRefusal] = useState<string>();
  const [done, setDone] = useState("");
  const disabledReason = mayInvite(team) ? (email.trim() === "" ? "Whom? Fill in an email address" : undefined) : "Admins of the team invite people: ask one of them";
  const invite = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (disabledReason !== undefined) return;
    try {
      setDone(whatBecame(await rest.members.add(team.id, { email: email.trim(), role })));
      setEmail("");
      setRefusal(undefined);
      onDone();
    } catch (error) {
      setDone("");
      setRefusal(sentenceOf(error));
    }
  };
  return (
    <form className={styles.invite} onSubmit={(event) => void invite(event)}>
      <TextField label="Invite somebody by email" type="email" value={email} onChange={setEmail} refusal={refusal} placeholder="ada@example.org" />
      <Select label="Role" value={role} onChange={setRole} options={team.role === "owner" ? [...GIVEN, OWNER] : GIVEN} isLabelHidden />
      <Button type="submit" disabledReason={disabledReason}>Invite</Button>
      <p role="status" className={styles.done}>{done}</p>
    </form>
  );
}

/** A colleague of another team that one owns is in at once; nothing says whether others have an account. */
const whatBecame = (made: Member | Invitation): string =>
  "name" in made ? `${made.name} is in the team now.` : `${made.email} is invited, and accepts on the home page. No mail is sent: say so.`;
