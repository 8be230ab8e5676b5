import { useRoom, useSaved } from "pipeloom-client/react";
import { useNarrow } from "./useNarrow";

export const READ_ONLY = "You may read this pipeline, not edit it";
export const NARROW = "Editing needs a wider window";

/** Why nothing can be changed in this window; undefined where it can, offline, too. */
export function useReadOnly(): string | undefined {
  const { pipeline } = useRoom();
  const isNarrow = useNarrow();
  return useSaved(({ state, reason }) => {
    if (pipeline.readOnly) return READ_ONLY;
    return state === "read only" ? reason || READ_ONLY : isNarrow ? NARROW : undefined;
  });
}
