/** Handlers for those who are drawn anew by each function that is another one. */
import { useCallback, useInsertionEffect, useRef } from "react";

/** The same function always, which calls the one of the latest render; it must not be called while rendering. */
export function useStable<Arguments extends unknown[], Result>(call: (...args: Arguments) => Result): (...args: Arguments) => Result {
  const latest = useRef(call);
  useInsertionEffect(() => {
    latest.current = call;
  });
  return useCallback((...args) => latest.current(...args), []);
}
