/** Says politely, to those who do not see it, what a key has done. */
import { useMemo } from "react";
import { useSetEditor } from "../state";

const QUIET_MS = 300;

/** Of many within a moment only the last is said: of a key that is held down, where things have come to rest. */
export function useSay(): (sentence: string) => void {
  const set = useSetEditor();
  return useMemo(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    return (sentence) => {
      clearTimeout(timer);
      timer = setTimeout(() => set({ said: sentence }), QUIET_MS);
    };
  }, [set]);
}
