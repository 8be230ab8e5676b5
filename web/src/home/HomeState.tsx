/** What all lists of the home page share: the team, oneself, and the line that says what was done. */
import type { Me, Team, TeamOverview } from "pipeloom-client/rest";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { chosenTeam } from "../session/chosenTeam";
import { takeGreeting } from "../session/greeting";
import { rest, sentenceOf } from "../session/rest";
import { useAsked } from "../session/useAsked";

/** What was done or refused, and what may follow: `Undo`. */
export interface Notice {
  readonly text: string;
  readonly isRefusal?: boolean;
  readonly actions?: readonly { readonly label: string; readonly run: () => void }[];
}

export interface HomeState {
  /** The chosen team; undefined until the teams have come. */
  readonly team: Team | undefined;
  readonly teams: readonly Team[];
  readonly choose: (teamId: string) => void;
  /** Read the teams again, and choose one of which one has become a member. */
  readonly join: (teamId: string) => Promise<void>;
  /** Whether one is in no team at all. */
  readonly isAlone: boolean;
  readonly me: Me | undefined;
  readonly overview: TeamOverview | undefined;
  /** Count again what the team has. */
  readonly recount: () => void;
  /** Why nothing can be changed in this team; undefined where it can. */
  readonly readOnly: string | undefined;
  readonly notice: Notice | null;
  readonly say: (notice: Notice | null) => void;
  /** Do something, and say why if it is refused; returns whether it was done. */
  readonly attempt: (deed: () => Promise<void>) => Promise<boolean>;
  /** Why the teams cannot be read. */
  readonly error: Error | undefined;
  readonly readAgain: () => void;
}

const Context = createContext<HomeState | null>(null);

export const VIEWER = "Your role in this team lets you read: ask an owner of the team";

const ALONE = "You are in no team yet: somebody has to invite you";

export function HomeStateProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const { data, error, reload: readTeams } = useAsked("", () => rest.teams({ limit: 200 }));
  const { data: me } = useAsked("", rest.me);
  const [chosen, setChosen] = useState(chosenTeam.get);
  const [notice, say] = useState<Notice | null>(null);
  useEffect(() => {
    const text = takeGreeting();
    if (text !== undefined) say({ text });
  }, []);
  const teams = data?.items ?? NO_TEAMS;
  const team = teams.find(({ id }) => id === chosen) ?? teams[0];
  const { data: overview, reload } = useAsked(team?.id ?? "", async () => (team === undefined ? undefined : rest.overview(team.id)));
  const choose = useCallback((teamId: string) => {
    chosenTeam.set(teamId);
    setChosen(teamId);
    say(null);
  }, []);
  const join = useCallback((teamId: string) => readTeams().then(() => choose(teamId)), [readTeams, choose]);
  const attempt = useAttempt(say);
  const isAlone = data?.items.length === 0;
  const state = useMemo((): HomeState => {
    const readOnly = team?.role === "viewer" ? VIEWER : isAlone ? ALONE : undefined;
    return { team, teams, choose, join, isAlone, me, overview, recount: () => void reload(), readOnly, notice, say, attempt, error, readAgain: () => void readTeams() };
  }, [team, teams, choose, join, isAlone, me, overview, reload, notice, attempt, error, readTeams]);
  return <Context.Provider value={state}>{children}</Context.Provider>;
}

const NO_TEAMS: readonly Team[] = [];

const useAttempt = (say: (notice: Notice) => void): HomeState["attempt"] =>
  useCallback(
    async (deed) => {
      try {
        await deed();
        return true;
      } catch (error) {
        say({ text: sentenceOf(error), isRefusal: true });
        return false;
      }
    },
    [say],
  );

export function useHome(): HomeState {
  const state = useContext(Context);
  if (state === null) throw new Error("expected a <HomeStateProvider> around this component");
  return state;
}
