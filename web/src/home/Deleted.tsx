/** What was deleted, by whom, and how long it can still be brought back. */
import type { DeletedPipeline } from "pipeloom-client/rest";
import { everyItem } from "pipeloom-client/rest";
import { type ReactNode, useRef, useState } from "react";
import { useLocation } from "wouter";
import { rest } from "../session/rest";
import { useAsked } from "../session/useAsked";
import { Button } from "../ui/Button";
import { daysLeft } from "../session/ago";
import { DeletedBy } from "./DeletedBy";
import { DeletedTeams } from "./DeletedTeams";
import { Failed } from "./Failed";
import { useHome } from "./HomeState";
import styles from "./Lists.module.css";
import { Loading } from "./Loading";
import { SearchField } from "./Toolbar";
import { deletingRefused } from "./useActions";

const MOST = 500;

export function Deleted(): ReactNode {
  const { team } = useHome();
  const [sought, setSought] = useState("");
  const search = useRef<HTMLInputElement>(null);
  const { data, error, reload } = useAsked(team?.id ?? "", async () => (team === undefined ? undefined : allDeleted(team.id)));
  if (error && data === undefined) return <Failed error={error} retry={() => void reload()} />;
  if (data === undefined) return <Loading />;
  const found = data.filter(({ name }) => name.toLowerCase().includes(sought.trim().toLowerCase()));
  return (
    <>
      <SearchField label="Search the deleted" value={sought} onChange={setSought} field={search} onDown={() => undefined} />
      {found.length === 0 ? (
        <p className={styles.empty}>{data.length === 0 ? "Nothing was deleted. What is deleted stays here for a while." : "None of them has this name."}</p>
      ) : (
        <ul className={styles.list}>
          {found.map((pipeline) => (
            <DeletedRow key={pipeline.id} pipeline={pipeline} onBack={() => void reload()} />
          ))}
        </ul>
      )}
      <DeletedTeams />
    </>
  );
}

async function allDeleted(team: string): Promise<readonly DeletedPipeline[]> {
  const found: DeletedPipeline[] = [];
  for await (const each of everyItem((page) => rest.pipelines.deleted({ team, limit: 200, ...page }))) {
    if (found.push(each) >= MOST) break;
  }
  return found;
}

function DeletedRow({ pipeline, onBack }: { readonly pipeline: DeletedPipeline; readonly onBack: () => void }): ReactNode {
  const home = useHome();
  const [, navigate] = useLocation();
  const { id, name, description, kept_until: until } = pipeline;
  const bringBack = (): void =>
    void home.attempt(async () => {
      await rest.pipelines.bringBack(id);
      home.recount();
      onBack();
      home.say({ text: `“${name}” is back.`, actions: [{ label: "Open it", run: () => navigate(`/pipelines/${id}`) }] });
    });
  return (
    <li className={styles.row}>
      <span className={styles.words}>
        <span className={styles.name}>{name}</span>
        <span className={styles.more}>{description}</span>
      </span>
      <DeletedBy what={pipeline} />
      <span className={styles.left} title={`It is kept until ${new Date(until).toLocaleString()}`}>{daysLeft(until)}</span>
      <Button disabledReason={deletingRefused(home, pipeline.created_by)} onClick={bringBack} aria-label={`Bring back ${name}`}>
        Bring back
      </Button>
    </li>
  );
}
