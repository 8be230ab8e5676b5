import { useSyncExternalStore } from "react";

const narrow = matchMedia("(max-width: 639px)");

function subscribe(listener: () => void): () => void {
  narrow.addEventListener("change", listener);
  return () => narrow.removeEventListener("change", listener);
}

/** Whether the window has room for reading alone. */
export const useNarrow = (): boolean => useSyncExternalStore(subscribe, () => narrow.matches);
