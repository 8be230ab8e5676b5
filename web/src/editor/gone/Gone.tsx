/** What stands in the place of a pipeline that is gone: who deleted it, and the way back. */
import { FileX, UserX } from "lucide-react";
import { type DeletedPipeline, everyItem, type Me, type Team } from "pipeloom-client/rest";
import { useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { ago } from "../../session/ago";
import { isEmbedded } from "../../session/parent";
import { rest, sentenceOf } from "../../session/rest";
import { useAsked } from "../../session/useAsked";
import { Button } from "../../ui/Button";
import { Skeleton } from "../../ui/Skeleton";
import { usePipelineId } from "../state";
import styles from "./Gone.module.css";

export function Gone(): ReactNode {
  const isRemoved = useIsRemoved();
  const Icon = isRemoved ? UserX : FileX;
  return (
    <main className={styles.page} aria-label="Pipeline">
      <Icon size={32} aria-hidden="true" className={styles.icon} />
      {isRemoved ? <Removed /> : <Fated />}
    </main>
  );
}

const NOT_A_MEMBER = 4403;

/** Whether who had it before them is in its team no longer; those who never had it learn nothing of it. */
function useIsRemoved(): boolean {
  const room = useRoom();
  return useSaved(({ code }) => code === NOT_A_MEMBER) && room.isLoaded;
}

function Fated(): ReactNode {
  const id = usePipelineId();
  const { data, error, reload } = useAsked(id, () => whatBecameOf(id));
  if (data !== undefined) return data.deleted === undefined ? <Nowhere /> : <Deleted {...data} deleted={data.deleted} />;
  return error ? <Unknown error={error} again={() => void reload()} /> : <Skeleton className={styles.waiting} />;
}

interface Fate {
  /** Undefined: it is among none of those that can be brought back. */
  readonly deleted: DeletedPipeline | undefined;
  readonly teams: readonly Team[];
  readonly me: Me;
}

/** So many of the last deleted are looked through. */
const MOST = 1000;

async function whatBecameOf(id: string): Promise<Fate> {
  const [me, { items: teams }] = await Promise.all([rest.me(), rest.teams({ limit: 200 })]);
  let looked = 0;
  for await (const deleted of everyItem((page) => rest.pipelines.deleted({ limit: 200, ...page }))) {
    if (deleted.id === id) return { deleted, teams, me };
    if (++looked >= MOST) break;
  }
  return { deleted: undefined, teams, me };
}

function Deleted({ deleted, teams, me }: Fate & { readonly deleted: DeletedPipeline }): ReactNode {
  const room = useRoom();
  const [refusal, setRefusal] = useState("");
  const { name, deleted_by: by, deleted_at: at, kept_until: until } = deleted;
  const bringBack = (): void =>
    void rest.pipelines.bringBack(deleted.id).then(
      () => room.reconnect(),
      (error: unknown) => setRefusal(sentenceOf(error)),
    );
  return (
    <>
      <h1>“{name}” was deleted</h1>
      <p>
        By {by === null ? "somebody who is gone" : by.id === me.id ? "you" : by.name}, {ago(at).toLowerCase()}. It is kept until{" "}
        {new Date(until).toLocaleDateString()} and can be brought back until then, with its history and its comments.
      </p>
      <Waiting />
      <Ways>
        <Button variant="primary" onClick={bringBack} disabledReason={refusedTo(deleted, teams, me)}>
          Bring it back
        </Button>
      </Ways>
      <p role="alert" className={styles.refusal}>{refusal}</p>
    </>
  );
}

function refusedTo({ team_id: teamId, created_by: author }: DeletedPipeline, teams: readonly Team[], me: Me): string | undefined {
  const role = teams.find(({ id }) => id === teamId)?.role;
  if (role === "owner" || role === "admin" || (role === "member" && author === me.id)) return undefined;
  return "Who made it, and admins of the team, bring it back: ask one of them";
}

const Removed = (): ReactNode => (
  <>
    <h1>You are not in this team any more</h1>
    <p>Who is not in the team of a pipeline cannot open it. If that is a mistake, ask an admin of the team for a new invitation.</p>
    <Waiting />
    <Ways />
  </>
);

const Nowhere = (): ReactNode => (
  <>
    <h1>There is no such pipeline</h1>
    <p>It was deleted for good, its address has a mistake, or it belongs to a team in which you are not a member.</p>
    <Waiting />
    <Ways />
  </>
);

const Unknown = ({ error, again }: { readonly error: Error; readonly again: () => void }): ReactNode => (
  <>
    <h1>The pipeline is gone</h1>
    <p role="alert">{sentenceOf(error)}</p>
    <Ways>
      <Button onClick={again}>Try again</Button>
    </Ways>
  </>
);

/** What becomes of edits that were not saved. */
function Waiting({ until = "the pipeline is back" }: { readonly until?: string }): ReactNode {
  const unsaved = useSaved((saved) => saved.unsaved);
  if (unsaved === 0) return null;
  return (
    <p className={styles.waits}>
      {unsaved === 1 ? "1 edit of yours was" : `${unsaved} edits of yours were`} not saved. They stay in this browser, and are sent once {until}.
    </p>
  );
}

function Ways({ children }: { readonly children?: ReactNode }): ReactNode {
  const [, navigate] = useLocation();
  const room = useRoom();
  return (
    <span className={styles.ways}>
      {children}
      <Button onClick={() => room.reconnect()}>Look again</Button>
      {isEmbedded ? null : <Button onClick={() => navigate("/home")}>All pipelines</Button>}
    </span>
  );
}
