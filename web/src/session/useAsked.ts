/** Data of the API in components. */
import { useCallback, useEffect, useRef, useState } from "react";

export interface Asked<T> {
  readonly data: T | undefined;
  readonly error: Error | undefined;
  readonly reload: () => Promise<void>;
}

/**
 * Ask once for each key, and again by `reload` and whenever the window is looked at again; what was
 * there stays meanwhile: `useAsked(query, () => rest.pipelines.list({ q: query }))`.
 */
export function useAsked<T>(key: string, ask: () => Promise<T>): Asked<T> {
  const [state, setState] = useState<{ data?: T; error?: Error }>({});
  const latest = useRef(ask);
  latest.current = ask;
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    const next = await latest.current().then(
      (data) => ({ data }),
      (error: Error) => ({ error }),
    );
    // An answer that a later one has overtaken is old.
    if (mine === turn.current) setState((former) => ("data" in next ? next : { ...former, ...next }));
  }, []);
  useEffect(() => {
    const look = (): void => void (document.visibilityState === "visible" && reload());
    void reload();
    document.addEventListener("visibilitychange", look);
    return () => {
      turn.current++;
      document.removeEventListener("visibilitychange", look);
    };
  }, [key, reload]);
  return { data: state.data, error: state.error, reload };
}
