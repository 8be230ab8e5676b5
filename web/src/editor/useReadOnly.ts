import { useRoom, useSaved } from "pipeloom-client/react";

export const READ_ONLY = "You may read this pipeline, not edit it";

/** Why nothing can be changed in this window; undefined where it can, offline, too. */
export function useReadOnly(): string | undefined {
  const { pipeline } = useRoom();
  return useSaved(({ state, reason }) => {
    if (pipeline.readOnly) return READ_ONLY;
    return state === "read only" ? reason || READ_ONLY : undefined;
  });
}
