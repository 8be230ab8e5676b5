/** The team's pipelines. */
import { Plus, Search } from "lucide-react";
import type { Team } from "pipeloom-client/rest";
import { type ReactNode, useDeferredValue, useState } from "react";
import { useLocation } from "wouter";
import { rest, sentenceOf } from "../session/rest";
import { useAsked } from "../session/useAsked";
import { Button } from "../ui/Button";
import { Skeleton } from "../ui/Skeleton";
import styles from "./Home.module.css";
import { PipelineTable } from "./PipelineTable";
import { Sidebar } from "./Sidebar";

export function Home(): ReactNode {
  const [sought, setSought] = useState("");
  const query = useDeferredValue(sought.trim());
  const { data, error } = useAsked(query, () => rest.pipelines.list({ limit: 100, ...(query === "" ? {} : { q: query }) }));
  const { data: teams } = useAsked("", () => rest.teams());
  return (
    <div className={styles.home}>
      <Sidebar team={teams?.items[0]} />
      <main className={styles.main}>
        <header className={styles.head}>
          <h1>Pipelines</h1>
          <NewPipeline teams={teams?.items} />
        </header>
        <label className={styles.search}>
          <Search size={16} aria-hidden="true" />
          <span className="visually-hidden">Search pipelines</span>
          <input
            type="search"
            placeholder="Search names, steps and prompts"
            value={sought}
            onChange={(event) => setSought(event.target.value)}
          />
        </label>
        {error ? <p role="alert" className={styles.refusal}>{sentenceOf(error)}</p> : null}
        {data === undefined ? (
          error ? null : <Loading />
        ) : (
          <PipelineTable pipelines={data.items} isSearch={query !== ""} />
        )}
      </main>
    </div>
  );
}

function NewPipeline({ teams }: { readonly teams: readonly Team[] | undefined }): ReactNode {
  const [, navigate] = useLocation();
  const [refusal, setRefusal] = useState("");
  const team = teams?.find(({ role }) => role !== "viewer");
  const create = async (): Promise<void> => {
    if (team === undefined) return;
    try {
      const { id } = await rest.pipelines.create({ team_id: team.id, name: "Untitled pipeline" });
      navigate(`/pipelines/${id}`);
    } catch (error) {
      setRefusal(sentenceOf(error));
    }
  };
  return (
    <span className={styles.actions}>
      <span role="alert" className={styles.refusal}>{refusal}</span>
      <Button
        variant="primary"
        icon={<Plus size={16} />}
        onClick={() => void create()}
        disabledReason={teams !== undefined && team === undefined ? "You may only read in your teams" : undefined}
      >
        New pipeline
      </Button>
    </span>
  );
}

const Loading = (): ReactNode => (
  <div role="status" aria-label="Loading pipelines" className={styles.loading}>
    {[0, 1, 2].map((at) => (
      <Skeleton key={at} className={styles.row} />
    ))}
  </div>
);
