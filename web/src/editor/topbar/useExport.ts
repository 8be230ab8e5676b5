/** Exporting the open pipeline as a file. */
import { useRoom } from "pipeloom-client/react";
import { useCallback } from "react";
import { download, fileNameOf } from "../../session/download";
import { rest, sentenceOf } from "../../session/rest";
import { usePipelineId } from "../state";
import { useCommands } from "../useCommands";

/** Ask the server for something; what it refuses is said at the pointer. */
export function useAttempt(): (deed: () => Promise<unknown>) => void {
  const { refuse } = useCommands();
  return useCallback((deed) => void deed().catch((error: unknown) => refuse(sentenceOf(error))), [refuse]);
}

export function useExport(): () => void {
  const { pipeline } = useRoom();
  const id = usePipelineId();
  const attempt = useAttempt();
  return useCallback(
    () => attempt(async () => download((await rest.yaml.export(id)).yaml, fileNameOf(pipeline.settings().name))),
    [pipeline, id, attempt],
  );
}
