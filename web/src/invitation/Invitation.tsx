/** What somebody sees who opens the link of an invitation: who invites to what, and the way in. */
import type { LinkOffer } from "pipeloom-client/rest";
import { type ReactNode, useEffect } from "react";
import { chosenTeam } from "../session/chosenTeam";
import { daysLeft } from "../session/ago";
import { invitation } from "../session/invitation";
import { rest, sentenceOf } from "../session/rest";
import { SignInForm } from "../session/SignIn";
import { type Asked, useAsked } from "../session/useAsked";
import { useSignedIn } from "../session/useSignedIn";
import { A_ROLE, RIGHTS } from "../team/roles";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Door } from "../ui/Door";
import { Skeleton } from "../ui/Skeleton";
import { Accept } from "./Accept";
import { isToPipeline, pass } from "./enter";
import styles from "./Invitation.module.css";
import { Join } from "./Join";
import { isWhole, stageOf, type Visitor } from "./stage";

interface Came {
  readonly offer: LinkOffer;
  readonly visitor: Visitor | null;
}

export function Invitation({ secret }: { readonly secret: string }): ReactNode {
  const isSignedIn = useSignedIn();
  const asked = useAsked(`${isSignedIn}`, () => whoCame(secret, isSignedIn));
  useAgainOnline(asked);
  if (!isWhole(secret)) return <Dead why="A part of this link is missing: copy the whole of it, or ask whoever sent it to you for a new one." />;
  if (asked.error) return isAway(asked.error) ? <Away error={asked.error} retry={asked.reload} /> : <Dead why={sentenceOf(asked.error)} />;
  if (asked.data === undefined) return <Waiting />;
  // The answer of before somebody signed in or out is old.
  if ((asked.data.visitor !== null) !== isSignedIn) return <Waiting />;
  return <Offered {...asked.data} secret={secret} reload={asked.reload} />;
}

async function whoCame(secret: string, isSignedIn: boolean): Promise<Came> {
  const offer = await rest.links.offer(secret);
  if (!isSignedIn) return { offer, visitor: null };
  const [me, { items: teams }] = await Promise.all([rest.me(), rest.teams({ limit: 200 })]);
  return { offer, visitor: { me, teams } };
}

/** Whether it may be well in a moment: the server is away or has too much to do. */
const isAway = (error: Error): boolean => "status" in error && [0, 429, 502, 503, 504].includes(error.status as number);

function useAgainOnline({ error, reload }: Asked<unknown>): void {
  useEffect(() => {
    if (error === undefined) return;
    const again = (): void => void reload();
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, [error, reload]);
}

interface Step extends Came {
  readonly secret: string;
  /** Ask again what the link offers: it may be used up or revoked meanwhile. */
  readonly reload: () => Promise<void>;
}

function Offered(step: Step): ReactNode {
  const { offer, visitor, secret, reload } = step;
  switch (stageOf(offer, visitor)) {
    case "a member":
      return <Member offer={offer} />;
    case "used up":
      return <Dead why="As many people have joined by this invitation as it was for. Ask whoever sent it to you for a new one." />;
    case "accept":
      return (
        <Door title={`Join ${offer.team_name}`}>
          <About offer={offer} />
          <Accept offer={offer} secret={secret} visitor={visitor as Visitor} reload={reload} />
        </Door>
      );
    case "join":
      return (
        <Door title={`Join ${offer.team_name}`}>
          <About offer={offer} />
          <Join offer={offer} secret={secret} reload={reload} />
        </Door>
      );
    case "sign in":
      return (
        <Door title={`Join ${offer.team_name}`}>
          <About offer={offer} />
          <p>This server makes no accounts: sign in first, as your organization does it. The invitation waits in this window.</p>
          <SignInForm />
        </Door>
      );
  }
}

const About = ({ offer: { team_name: team, organization_name: organization, invited_by: inviter, role, expires_at: until } }: {
  readonly offer: LinkOffer;
}): ReactNode => (
  <div className={styles.about}>
    <Avatar person={inviter} size={32} />
    <div>
      <p>
        <strong>{inviter.name}</strong> invites you to <strong>{team}</strong>
        {organization === team ? "" : `, a team of ${organization}`}. As {A_ROLE[role]} you can {RIGHTS[role]}.
      </p>
      <p className={styles.more} title={`Until ${new Date(until).toLocaleString()}`}>{daysLeft(until)}</p>
    </div>
  </div>
);

function Member({ offer: { team_id: id, team_name: team } }: { readonly offer: LinkOffer }): ReactNode {
  const open = (): void => {
    chosenTeam.set(id);
    invitation.drop();
  };
  return (
    <Door title={`You are in ${team} already`}>
      <p>This invitation changes nothing: your role stays as it is.</p>
      <span className={styles.buttons}>
        <Button variant="primary" onClick={open}>{isToPipeline() ? "Open the pipeline" : "Open the team"}</Button>
      </span>
    </Door>
  );
}

function Dead({ why }: { readonly why: string }): ReactNode {
  const isSignedIn = useSignedIn();
  return (
    <Door title="This invitation leads nowhere">
      <p role="alert">{why}</p>
      <span className={styles.buttons}>
        <Button variant="primary" onClick={pass}>{isSignedIn ? "Go to your pipelines" : "Sign in"}</Button>
      </span>
    </Door>
  );
}

const Away = ({ error, retry }: { readonly error: Error; readonly retry: () => Promise<void> }): ReactNode => (
  <Door title="You are invited">
    <p role="alert">{sentenceOf(error)} The invitation waits in this window.</p>
    <span className={styles.buttons}>
      <Button variant="primary" onClick={() => void retry()}>Try again</Button>
    </span>
  </Door>
);

const Waiting = (): ReactNode => (
  <Door title="You are invited">
    <div aria-busy="true">
      <Skeleton className={styles.waiting} />
    </div>
  </Door>
);
