/** Data of the API in components. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "./api";

export interface Asked<T> {
  readonly data: T | undefined;
  readonly error: Error | undefined;
  readonly reload: () => Promise<void>;
}

/** Ask once, and again by `reload` and whenever the window is looked at again; what was there stays meanwhile. */
export function useAsked<T>(path: string): Asked<T> {
  const [state, setState] = useState<{ data?: T; error?: Error }>({});
  const latest = useRef(0);
  const reload = useCallback(async () => {
    const turn = ++latest.current;
    const next = await api<T>(path).then(
      (data) => ({ data }),
      (error: Error) => ({ error }),
    );
    // An answer that a later one has overtaken is old.
    if (turn === latest.current) setState((former) => ("data" in next ? next : { ...former, ...next }));
  }, [path]);
  useEffect(() => {
    const look = (): void => void (document.visibilityState === "visible" && reload());
    void reload();
    document.addEventListener("visibilitychange", look);
    return () => {
      latest.current++;
      document.removeEventListener("visibilitychange", look);
    };
  }, [reload]);
  return { data: state.data, error: state.error, reload };
}
