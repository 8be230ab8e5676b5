/** A list of pipelines with its search, its filters and its table. */
import { LayoutTemplate, Plus, Upload } from "lucide-react";
import type { ListedPipeline, Team } from "pipeloom-client/rest";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { recent, starred, useMarks } from "../session/marks";
import { Button } from "../ui/Button";
import { type DialogKind, Dialogs } from "./dialogs/Dialogs";
import { Failed } from "./Failed";
import { type Filters, isFiltered, sortOf, useFilters } from "./filters";
import type { Beginnings } from "./Home";
import styles from "./Home.module.css";
import { useHome } from "./HomeState";
import { useImportList } from "./imports/useImports";
import { Loading } from "./Loading";
import { PipelineTable, type TableHandle } from "./PipelineTable";
import { Toolbar } from "./Toolbar";
import { useActions } from "./useActions";
import { type Query, usePipelines } from "./usePipelines";
import type { ViewId } from "./views";

const SETTLED_MS = 150;

type ListView = Exclude<ViewId, "templates" | "deleted">;

export function Pipelines({ view, ...beginnings }: Beginnings & { readonly view: ListView }): ReactNode {
  const { team } = useHome();
  const [filters, change] = useFilters();
  const [search, table] = [useRef<HTMLInputElement>(null), useRef<TableHandle>(null)];
  const ids = useIdsOf(view);
  const query = useSettled(queryOf(team, view, filters, ids), SETTLED_MS);
  const { items, hasMore, error, list } = usePipelines(query, () => table.current?.seen() ?? [[], true]);
  const actions = useActions(list, (status) => isShown(view, filters, status));
  const [open, setOpen] = useState<{ readonly kind: DialogKind; readonly pipeline: ListedPipeline } | null>(null);
  useImported(() => void list.refresh([], true));
  const isByTime = view === "recent" && sortOf(filters) !== "rank";
  const shown = useMemo(() => (isByTime ? inOrder(items, ids) : items), [isByTime, items, ids]);
  const isUnfiltered = !isFiltered(filters);
  if (view === "pipelines" && isUnfiltered && shown?.length === 0) return <Nothing {...beginnings} />;
  return (
    <>
      <Toolbar filters={filters} change={change} hasStatus={view !== "archived"} search={search} onDown={() => table.current?.enter()} />
      {error ? <Failed error={error} retry={() => void (items === undefined ? list.more() : list.refresh([], true))} /> : null}
      {shown === undefined ? (
        error ? null : <Loading />
      ) : shown.length === 0 ? (
        <Unmatched view={view} isUnfiltered={isUnfiltered} clear={() => change({ sought: "", status: "all", tags: [] })} />
      ) : (
        <PipelineTable
          pipelines={shown}
          sought={filters.sought}
          hasMore={hasMore}
          onEnd={list.more}
          scroller="home-main"
          handle={table}
          onLeave={() => search.current?.focus()}
          actions={actions}
          openDialog={(kind, pipeline) => setOpen({ kind, pipeline })}
        />
      )}
      {view === "pipelines" && !hasMore ? <Hint /> : null}
      {open === null ? null : <Dialogs {...open} actions={actions} onClose={() => setOpen(null)} />}
    </>
  );
}

/** What was imported is shown at once. */
function useImported(show: () => void): void {
  const taken = useImportList().filter(({ state }) => state.kind === "taken").length;
  const former = useRef(taken);
  useEffect(() => {
    if (taken > former.current) show();
    former.current = taken;
  }, [taken]);
}

function useIdsOf(view: ListView): readonly string[] {
  const [opened, marked] = [useMarks(recent), useMarks(starred)];
  return view === "recent" ? opened : view === "starred" ? marked : NO_IDS;
}

const NO_IDS: readonly string[] = [];

/** Null until the team is known, and where nothing can match. */
function queryOf(team: Team | undefined, view: ListView, filters: Filters, ids: readonly string[]): Query | null {
  const { sought, status, tags } = filters;
  const isMarked = view === "recent" || view === "starred";
  if (team === undefined || (isMarked && ids.length === 0)) return null;
  const statuses = view === "archived" ? ARCHIVED : status !== "all" ? [status] : isMarked ? null : PRESENT;
  return {
    team: team.id,
    sort: sortOf(filters),
    ...(statuses && { status: statuses }),
    ...(isMarked && { id: ids }),
    ...(tags.length > 0 && { tag: tags }),
    ...(sought.trim() !== "" && { q: sought.trim() }),
  };
}

const [ARCHIVED, PRESENT] = [["archived"], ["draft", "active"]] as [Query["status"], Query["status"]];

function isShown(view: ListView, { status: wanted }: Filters, status: ListedPipeline["status"]): boolean {
  if (view === "archived") return status === "archived";
  return wanted === "all" ? view !== "pipelines" || status !== "archived" : status === wanted;
}

/** A query once it has stayed the same for a moment; the first one at once. */
function useSettled(query: Query | null, ms: number): Query | null {
  const [settled, setSettled] = useState(query);
  const key = JSON.stringify(query);
  const latest = useRef(query);
  latest.current = query;
  useEffect(() => {
    const timer = setTimeout(() => setSettled(latest.current), latest.current?.q === undefined ? 0 : ms);
    return () => clearTimeout(timer);
  }, [key, ms]);
  return settled;
}

function inOrder(items: readonly ListedPipeline[] | undefined, ids: readonly string[]): readonly ListedPipeline[] | undefined {
  const byId = new Map(items?.map((each) => [each.id, each]));
  return items && ids.flatMap((id) => byId.get(id) ?? []);
}

function Nothing({ create, importFiles }: Beginnings): ReactNode {
  const { readOnly } = useHome();
  const [, navigate] = useLocation();
  return (
    <section className={styles.empty}>
      <h2>{readOnly === undefined ? "Start with a pipeline" : "No pipelines yet"}</h2>
      <p>{readOnly === undefined ? "Make a new one, drop YAML files anywhere on this page, or begin with a template." : `${readOnly} to make one.`}</p>
      <span className={styles.actions}>
        <Button icon={<Plus size={16} />} onClick={create} disabledReason={readOnly}>New pipeline</Button>
        <Button icon={<Upload size={16} />} onClick={importFiles} disabledReason={readOnly}>Import YAML</Button>
        <Button icon={<LayoutTemplate size={16} />} onClick={() => navigate("/home/templates")}>Template</Button>
      </span>
    </section>
  );
}

const WITHOUT: Readonly<Record<ListView, string>> = {
  pipelines: "",
  recent: "Pipelines that you open in this browser stand here.",
  starred: "Star a pipeline in the menu of its row, and it stands here, in this browser.",
  archived: "Archived pipelines stand here, out of the way and complete.",
};

function Unmatched({ view, isUnfiltered, clear }: {
  readonly view: ListView;
  readonly isUnfiltered: boolean;
  readonly clear: () => void;
}): ReactNode {
  if (isUnfiltered) return <p className={styles.empty}>{WITHOUT[view]}</p>;
  return (
    <div className={styles.empty}>
      <p>No pipeline matches the search and the filters.</p>
      <Button onClick={clear}>Clear them</Button>
    </div>
  );
}

function Hint(): ReactNode {
  const { readOnly } = useHome();
  if (readOnly !== undefined) return null;
  return (
    <p className={styles.hint}>
      <Upload size={16} aria-hidden="true" /> Drop YAML files anywhere to import them
    </p>
  );
}
