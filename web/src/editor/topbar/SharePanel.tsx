/** The link to the open pipeline, the members of its team, and a way to add one. */
import { Check, Link2 } from "lucide-react";
import { everyItem, type Member } from "pipeloom-client/rest";
import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { rest, sentenceOf } from "../../session/rest";
import { useAsked } from "../../session/useAsked";
import { Avatar } from "../../ui/Avatar";
import { Button } from "../../ui/Button";
import { Select } from "../../ui/Select";
import { TextField } from "../../ui/TextField";
import { usePipelineId } from "../state";
import { isAdmin, type Place } from "./place";
import styles from "./Share.module.css";

const MOST = 200;

export default function SharePanel({ place }: { readonly place: Place | undefined }): ReactNode {
  return (
    <>
      <CopyLink />
      {place?.team === undefined ? null : <Team place={place} teamId={place.team.id} name={place.team.name} />}
    </>
  );
}

function CopyLink(): ReactNode {
  const field = useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = useState(false);
  const link = `${location.origin}/pipelines/${usePipelineId()}`;
  const copy = async (): Promise<void> => {
    // Away from localhost and without TLS there is no clipboard: then the marked link can be copied by hand.
    field.current?.select();
    await navigator.clipboard?.writeText(link).then(() => setCopied(true), () => undefined);
  };
  return (
    <div className={styles.link}>
      <input ref={field} readOnly value={link} aria-label="Link to this pipeline" onFocus={({ target }) => target.select()} />
      <Button icon={isCopied ? <Check size={16} /> : <Link2 size={16} />} onClick={() => void copy()}>
        {isCopied ? "Copied" : "Copy link"}
      </Button>
    </div>
  );
}

function Team({ place, teamId, name }: { readonly place: Place; readonly teamId: string; readonly name: string }): ReactNode {
  const { data: members, error, reload } = useAsked(teamId, () => membersOf(teamId));
  return (
    <>
      <p className={styles.hint}>It opens for the members of {name}, each in their role.</p>
      <Invite teamId={teamId} place={place} onAdded={() => void reload()} />
      {error ? <p role="alert" className={styles.refusal}>{sentenceOf(error)}</p> : null}
      <ul className={styles.members} aria-label={`Members of ${name}`}>
        {members?.map((member) => (
          <li key={member.id} className={styles.member}>
            <Avatar person={member} />
            <span className={styles.who}>
              <span>{member.id === place.me.id ? `${member.name} (you)` : member.name}</span>
              <span className={styles.email}>{member.email}</span>
            </span>
            <span className={styles.role}>{ROLE[member.role]}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

async function membersOf(teamId: string): Promise<readonly Member[]> {
  const found: Member[] = [];
  for await (const member of everyItem((page) => rest.members.list(teamId, { limit: 200, ...page }))) {
    if (found.push(member) >= MOST) break;
  }
  return found;
}

const ROLE = { owner: "Owner", admin: "Admin", member: "Member", viewer: "Viewer" } as const;

type Invited = "member" | "viewer" | "admin";

const INVITED: readonly (readonly [Invited, string])[] = [
  ["member", "Member: edits"],
  ["viewer", "Viewer: reads"],
  ["admin", "Admin: manages"],
];

function Invite({ teamId, place, onAdded }: { readonly teamId: string; readonly place: Place; readonly onAdded: () => void }): ReactNode {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Invited>("member");
  const [refusal, setRefusal] = useState<string>();
  const [added, setAdded] = useState("");
  const disabledReason = isAdmin(place) ? (email.trim() === "" ? "Whom? Fill in an email address" : undefined) : "Admins of the team add members: ask one of them";
  const add = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (disabledReason !== undefined) return;
    try {
      const made = await rest.members.add(teamId, { email: email.trim(), role });
      setAdded("name" in made ? `${made.name} is in the team now.` : `${made.email} is invited.`);
      setEmail("");
      setRefusal(undefined);
      onAdded();
    } catch (error) {
      setRefusal(sentenceOf(error));
    }
  };
  return (
    <form className={styles.invite} onSubmit={(event) => void add(event)}>
      <TextField label="Add somebody by email" type="email" value={email} onChange={setEmail} refusal={refusal} placeholder="ada@example.org" />
      <Select label="Role" value={role} onChange={setRole} options={INVITED} isLabelHidden />
      <Button type="submit" disabledReason={disabledReason}>Add</Button>
      <p role="status" className={styles.added}>{added}</p>
    </form>
  );
}
