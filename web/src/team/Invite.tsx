/** Two ways to invite: by an email address, or by a link for whoever has it. */
import type { Invitation, Member, NewInvitationLink, Team } from "pipeloom-client/rest";
import { type FormEvent, type ReactNode, useState } from "react";
import { rest, sentenceOf } from "../session/rest";
import { Button } from "../ui/Button";
import { CopyField } from "../ui/CopyField";
import { Select } from "../ui/Select";
import { Segments } from "../ui/Tabs";
import { TextField } from "../ui/TextField";
import styles from "./People.module.css";
import { A_ROLE, type Role, rolesGivenBy, whyNotInvite } from "./roles";

const WAYS = [
  { id: "email", label: "By email" },
  { id: "link", label: "By link" },
] as const;

interface Inviting {
  readonly team: Team;
  readonly onDone: () => void;
}

interface InvitingByLink extends Inviting {
  /** The path to which the link leads in the end. */
  readonly opens: string;
  /** The link that was revoked last: it is not to be copied any more. */
  readonly revoked: string;
}

export function Invite({ opens, revoked, ...inviting }: InvitingByLink): ReactNode {
  const [way, setWay] = useState<"email" | "link">("email");
  return (
    <section className={styles.inviting} aria-label="Invite somebody">
      <div className={styles.ways}>
        <h3>Invite somebody</h3>
        <Segments label="How to invite" tabs={WAYS} chosen={way} onChoose={setWay} />
      </div>
      {way === "email" ? <ByEmail {...inviting} /> : <ByLink {...inviting} opens={opens} revoked={revoked} />}
    </section>
  );
}

function ByEmail({ team, onDone }: Inviting): ReactNode {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [refusal, setRefusal] = useState<string>();
  const [done, setDone] = useState("");
  const disabledReason = whyNotInvite(team) ?? (email.trim() === "" ? "Whom? Fill in an email address" : undefined);
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
      <TextField label="Email address" type="email" value={email} onChange={setEmail} refusal={refusal} placeholder="ada@example.org" />
      <Select label="Role" value={role} onChange={setRole} options={rolesGivenBy(team.role)} isLabelHidden />
      <Button type="submit" disabledReason={disabledReason}>Invite</Button>
      <p role="status" className={styles.done}>{done}</p>
    </form>
  );
}

/** A colleague of another team that one owns is in at once; nothing says whether others have an account. */
const whatBecame = (made: Member | Invitation): string =>
  "name" in made ? `${made.name} is in the team now.` : `${made.email} is invited, and accepts on the home page. No mail is sent: say so.`;

type Days = "1" | "7" | "14" | "30" | "90";
type Uses = "1" | "5" | "25" | "100";

const DAYS: readonly (readonly [Days, string])[] = [["1", "1 day"], ["7", "7 days"], ["14", "14 days"], ["30", "30 days"], ["90", "90 days"]];
const USES: readonly (readonly [Uses, string])[] = [["1", "1 person"], ["5", "5 people"], ["25", "25 people"], ["100", "100 people"]];

function ByLink({ team, onDone, opens, revoked }: InvitingByLink): ReactNode {
  const [role, setRole] = useState<Role>("member");
  const [days, setDays] = useState<Days>("14");
  const [uses, setUses] = useState<Uses>("25");
  const [made, setMade] = useState<NewInvitationLink>();
  const [refusal, setRefusal] = useState("");
  const shown = made?.id === revoked ? undefined : made;
  const disabledReason = whyNotInvite(team);
  const make = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (disabledReason !== undefined) return;
    try {
      setMade(await rest.links.create(team.id, { role, days: Number(days), max_uses: Number(uses) }));
      setRefusal("");
      onDone();
    } catch (error) {
      setRefusal(sentenceOf(error));
    }
  };
  return (
    <>
      <form className={styles.byLink} onSubmit={(event) => void make(event)}>
        <Select label="They join as" value={role} onChange={setRole} options={rolesGivenBy(team.role)} disabledReason={disabledReason} />
        <Select label="Good for" value={days} onChange={setDays} options={DAYS} disabledReason={disabledReason} />
        <Select label="Lets in" value={uses} onChange={setUses} options={USES} disabledReason={disabledReason} />
        <Button type="submit" disabledReason={disabledReason}>Make a link</Button>
      </form>
      <p role="alert" className={styles.refusal}>{refusal}</p>
      {shown === undefined ? null : (
        <CopyField label="Invitation link" value={linkTo(location.origin, opens, shown.secret)} action="Copy invitation" />
      )}
      <p role="status" className={styles.done}>
        {shown === undefined ? "" : `Copy it now: it is shown this once. Whoever has it joins as ${A_ROLE[shown.role]}.`}
      </p>
    </>
  );
}

/** Whoever opens it joins, and goes on to the path; the fragment is sent to no server. */
export const linkTo = (origin: string, path: string, secret: string): string => `${origin}${path}#invitation=${secret}`;
