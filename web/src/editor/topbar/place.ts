/** Where an open pipeline belongs: its team, and one's own role there. */
import type { Me, Pipeline, Team } from "pipeloom-client/rest";
import { rest } from "../../session/rest";
import { useAsked } from "../../session/useAsked";
import { usePipelineId } from "../state";

export interface Place {
  readonly pipeline: Pipeline;
  readonly team: Team | undefined;
  readonly teams: readonly Team[];
  readonly me: Me;
}

/** Undefined until it has come; the bar is complete without it. */
export function usePlace(): Place | undefined {
  const id = usePipelineId();
  return useAsked(id, () => placeOf(id)).data;
}

async function placeOf(id: string): Promise<Place> {
  const [pipeline, { items: teams }, me] = await Promise.all([rest.pipelines.get(id), rest.teams({ limit: 200 }), rest.me()]);
  return { pipeline, team: teams.find((each) => each.id === pipeline.team_id), teams, me };
}

export const isAdmin = ({ team }: Place): boolean => team?.role === "owner" || team?.role === "admin";
