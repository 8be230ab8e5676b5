/** The lists of a team: what there is, who is in it, and how to begin something. */
import { Plus, Upload } from "lucide-react";
import type { ReactNode } from "react";
import { useLocation } from "wouter";
import { rest } from "../session/rest";
import { Button } from "../ui/Button";
import { Deleted } from "./Deleted";
import { DeletedTeams } from "./DeletedTeams";
import { Failed } from "./Failed";
import { HomeStateProvider, useHome } from "./HomeState";
import styles from "./Home.module.css";
import { DropFiles } from "./imports/DropFiles";
import { ImportResults } from "./imports/ImportResults";
import { useImports } from "./imports/useImports";
import { Invitations } from "./Invitations";
import { NoticeLine } from "./NoticeLine";
import { Pipelines } from "./Pipelines";
import { Sidebar } from "./Sidebar";
import { Templates } from "./Templates";
import { type View, viewAt } from "./views";

export function Home({ view }: { readonly view: string | undefined }): ReactNode {
  return (
    <HomeStateProvider>
      <Page view={viewAt(view)} />
    </HomeStateProvider>
  );
}

function Page({ view }: { readonly view: View }): ReactNode {
  const { team, error, readAgain } = useHome();
  const { choose } = useImports();
  const create = useCreate();
  return (
    <div className={styles.home}>
      <Sidebar view={view.id} />
      <main className={styles.main} id="home-main">
        <header className={styles.head}>
          <h1>{view.title}</h1>
          <Begin create={create} importFiles={choose} />
        </header>
        <NoticeLine />
        <Invitations />
        {error && team === undefined ? <Failed error={error} retry={readAgain} /> : null}
        <Content key={`${view.id} ${team?.id}`} view={view} create={create} importFiles={choose} />
      </main>
      <DropFiles />
      <ImportResults />
    </div>
  );
}

export interface Beginnings {
  readonly create: () => void;
  readonly importFiles: () => void;
}

function Content({ view, ...beginnings }: Beginnings & { readonly view: View }): ReactNode {
  const { isAlone, me } = useHome();
  if (isAlone)
    return (
      <>
        <Alone email={me?.email} />
        <DeletedTeams />
      </>
    );
  if (view.id === "deleted") return <Deleted />;
  if (view.id === "templates") return <Templates />;
  return <Pipelines view={view.id} {...beginnings} />;
}

const Alone = ({ email }: { readonly email: string | undefined }): ReactNode => (
  <section className={styles.empty}>
    <h2>You are in no team yet</h2>
    <p>Ask an owner or admin of a team to invite {email ?? "you"}. The invitation appears here.</p>
  </section>
);

function Begin({ create, importFiles }: Beginnings): ReactNode {
  const { readOnly } = useHome();
  return (
    <span className={styles.actions}>
      <Button icon={<Upload size={16} />} onClick={importFiles} disabledReason={readOnly}>
        Import
      </Button>
      <Button variant="primary" icon={<Plus size={16} />} onClick={create} disabledReason={readOnly}>
        New pipeline
      </Button>
    </span>
  );
}

function useCreate(): () => void {
  const { team, attempt } = useHome();
  const [, navigate] = useLocation();
  return () =>
    void attempt(async () => {
      if (team === undefined) return;
      const { id } = await rest.pipelines.create({ team_id: team.id, name: "Untitled pipeline" });
      navigate(`/pipelines/${id}`);
    });
}
