/** The comments of the open pipeline, read once for all areas. */
import { useComments, useSaved } from "pipeloom-client/react";
import type { Me } from "pipeloom-client/rest";
import { createContext, type ReactNode, useContext, useMemo } from "react";
import { rest } from "../../session/rest";
import { useAsked } from "../../session/useAsked";
import { type Thread, threadsByStep, threadsOf } from "./threads";

type Loaded = ReturnType<typeof useComments>;

export interface SharedComments extends Loaded {
  readonly threads: readonly Thread[];
  readonly byStep: ReadonlyMap<string, readonly Thread[]>;
  /** Who one is: one's own comments can be changed. Undefined until it is known. */
  readonly me: Me | undefined;
  /** Why nobody can comment now; undefined where one can. */
  readonly reason: string | undefined;
}

const Context = createContext<SharedComments | null>(null);

const REASONS: Readonly<Record<string, string>> = {
  offline: "Comments need a connection: what you have written stays here",
  "read only": "You may read this pipeline, not comment on it",
  "signed out": "Sign in to comment",
};

export function CommentsProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const loaded = useComments();
  const { state } = useSaved();
  const reason = REASONS[state];
  const me = useAsked("me", () => rest.me()).data;
  const value = useMemo(() => {
    const threads = threadsOf(loaded.comments);
    return { ...loaded, threads, byStep: threadsByStep(threads), me, reason };
  }, [loaded, me, reason]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSharedComments(): SharedComments {
  const value = useContext(Context);
  if (value === null) throw new Error("expected a <CommentsProvider> around this component");
  return value;
}
