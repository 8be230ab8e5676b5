/** The list of pipelines that a view shows, read again every few seconds while somebody looks at it. */
import type { RestClient } from "pipeloom-client/rest";
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { rest } from "../session/rest";
import { type Listed, PipelineList } from "./pipelineList";

export type Query = NonNullable<Parameters<RestClient["pipelines"]["list"]>[0]>;

const EVERY_MS = 5000;

export interface Shown extends Listed {
  readonly list: PipelineList;
}

/** `seen` returns the ids of the rows in view, and whether they may move now. */
export function usePipelines(query: Query | null, seen: () => readonly [ids: readonly string[], mayMove: boolean]): Shown {
  const key = JSON.stringify(query);
  const list = useMemo(() => new PipelineList(async (asked) => (query === null ? NOTHING : rest.pipelines.list({ ...query, ...asked }))), [key]);
  const listed = useSyncExternalStore(list.subscribe, list.get);
  useEffect(() => {
    if (key !== "null") void list.more();
  }, [list, key]);
  useEvery(EVERY_MS, () => (key === "null" ? Promise.resolve() : list.refresh(...seen())));
  // What was there stays while another search is on its way.
  const former = useRef(listed.items);
  if (listed.items !== undefined) former.current = listed.items;
  return { ...listed, items: listed.items ?? (listed.error ? undefined : former.current), list };
}

const NOTHING = { items: [], next_cursor: null };

/** Do something again and again while the window is seen, and as soon as it is seen again. */
function useEvery(ms: number, work: () => Promise<void>): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    let timer = 0;
    const next = async (): Promise<void> => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") await latest.current();
      timer = window.setTimeout(() => void next(), ms);
    };
    const look = (): void => void (document.visibilityState === "visible" && next());
    timer = window.setTimeout(() => void next(), ms);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [ms]);
}
