import type { Pipeline } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { useCallback, useSyncExternalStore } from "react";

type Settings = ReturnType<Pipeline["settings"]>;

/** A part of the pipeline's settings, and again when that part has changed. */
export function useSettings<Part>(select: (settings: Settings) => Part): Part {
  const { pipeline } = useRoom();
  const subscribe = useCallback(
    (listener: () => void) => pipeline.subscribe(({ settings }) => settings && listener()),
    [pipeline],
  );
  return useSyncExternalStore(subscribe, () => select(pipeline.settings()));
}
