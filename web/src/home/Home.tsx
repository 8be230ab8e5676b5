/** The team's pipelines. */
import { Plus, Search } from "lucide-react";
import { type ReactNode, useDeferredValue, useState } from "react";
import { useLocation } from "wouter";
import { api, type ListedPipeline, type Page, type Team } from "../session/api";
import { useAsked } from "../session/useAsked";
import { Button } from "../ui/Button";
import { Skeleton } from "../ui/Skeleton";
import styles from "./Home.module.css";
import { PipelineTable } from "./PipelineTable";
import { Sidebar } from "./Sidebar";

export function Home(): ReactNode {
  const [sought, setSought] = useState("");
  const query = useDeferredValue(sought.trim());
  const search = query === "" ? "" : `&q=${encodeURIComponent(query)}`;
  const { data, error } = useAsked<Page<ListedPipeline>>(`/pipelines?limit=100${search}`);
  const { data: teams } = useAsked<Page<Team>>("/teams");
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
        {error ? <p role="alert" className={styles.refusal}>{error.message}</p> : null}
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
      const body = { team_id: team.id, name: "Untitled pipeline" };
      const { id } = await api<{ id: string }>("/pipelines", { method: "POST", body });
      navigate(`/pipelines/${id}`);
    } catch (error) {
      setRefusal((error as Error).message);
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
