/** What can be done with a pipeline of the list; each deed says below the heading what it has done. */
import type { ListedPipeline } from "pipeloom-client/rest";
import { useMemo } from "react";
import { useLocation } from "wouter";
import { download, fileNameOf } from "../session/download";
import { rest } from "../session/rest";
import type { HomeState } from "./HomeState";
import { useHome } from "./HomeState";
import type { PipelineList } from "./pipelineList";

type Status = ListedPipeline["status"];

/** Each rejects with what the server says against it. */
export interface Actions {
  readonly patch: (pipeline: ListedPipeline, changes: Partial<Pick<ListedPipeline, "name" | "description" | "tags">>) => Promise<void>;
  readonly setStatus: (pipeline: ListedPipeline, status: Status) => Promise<void>;
  readonly fork: (pipeline: ListedPipeline, to: { readonly team_id: string; readonly name: string }) => Promise<void>;
  readonly exportYaml: (pipeline: ListedPipeline) => Promise<void>;
  readonly remove: (pipeline: ListedPipeline) => Promise<void>;
}

export function useActions(list: PipelineList, isShown: (status: Status) => boolean): Actions {
  const home = useHome();
  const [, navigate] = useLocation();
  return useMemo(() => actionsOf(home, list, isShown, navigate), [home, list, isShown, navigate]);
}

function actionsOf(home: HomeState, list: PipelineList, isShown: (status: Status) => boolean, navigate: (path: string) => void): Actions {
  const { attempt, say, recount } = home;
  const refresh = (): void => void list.refresh([], true);
  const setStatus: Actions["setStatus"] = async (pipeline, status) => {
    await rest.pipelines.patch(pipeline.id, { status });
    if (isShown(status)) list.patch(pipeline.id, { status });
    else list.remove(pipeline.id);
    recount();
    const undo = (): void => void attempt(() => setStatus(pipeline, pipeline.status).then(refresh));
    say(noticeOfStatus(pipeline, status, undo));
  };
  return {
    setStatus,
    patch: async (pipeline, changes) => {
      await rest.pipelines.patch(pipeline.id, changes);
      list.patch(pipeline.id, changes);
      if (changes.tags !== undefined) recount();
    },
    fork: async (pipeline, to) => {
      const { id, name } = await rest.pipelines.fork(pipeline.id, to);
      refresh();
      recount();
      say({ text: `Made “${name}”, a fork.`, actions: [{ label: "Open it", run: () => navigate(`/pipelines/${id}`) }] });
    },
    exportYaml: async ({ id, name }) => download((await rest.yaml.export(id)).yaml, fileNameOf(name)),
    remove: async (pipeline) => {
      await rest.pipelines.delete(pipeline.id);
      list.remove(pipeline.id);
      recount();
      const undo = (): void => void attempt(() => bringBack(pipeline, home).then(refresh));
      say({ text: `Deleted “${pipeline.name}”.`, actions: [{ label: "Undo", run: undo }, { label: "Show the deleted", run: () => navigate("/home/deleted") }] });
    },
  };
}

async function bringBack({ id, name }: ListedPipeline, { recount, say }: HomeState): Promise<void> {
  await rest.pipelines.bringBack(id);
  recount();
  say({ text: `“${name}” is back.` });
}

function noticeOfStatus({ name, status: former }: ListedPipeline, status: Status, undo: () => void): Parameters<HomeState["say"]>[0] {
  if (status !== "archived" && former !== "archived") return null;
  const text = status === "archived" ? `Archived “${name}”.` : `“${name}” is among the pipelines again.`;
  return { text, actions: [{ label: "Undo", run: undo }] };
}

/** Why somebody may not delete a pipeline, or bring it back: members do so with those they have made. */
export function deletingRefused({ team, me, readOnly }: HomeState, createdBy: string | null): string | undefined {
  if (readOnly !== undefined) return readOnly;
  if (team?.role !== "member" || createdBy === me?.id) return undefined;
  return "Members delete what they have made themselves: ask an admin of the team";
}
