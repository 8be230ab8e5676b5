/** A saved state beside the present one, compared anew when somebody has edited. */
import type { Pipeline } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import type { WholeVersion } from "pipeloom-client/rest";
import { useEffect, useState } from "react";
import { rest, sentenceOf } from "../../session/rest";
import { usePipelineId } from "../state";
import { type Comparison, compared, type State, stateOf } from "./comparison";

/** Others' edits are shown this long after the last one: each comparison is work for the server. */
const QUIET_MS = 700;

export interface Compared {
  readonly comparison: Comparison | null;
  readonly error: string | null;
}

const WAITING: Compared = { comparison: null, error: null };

/** Compare the version of this number with what is there now. */
export function useComparison(base: number): Compared {
  const { pipeline } = useRoom();
  const id = usePipelineId();
  const [state, setState] = useState(WAITING);
  useEffect(() => {
    let [isStale, timer] = [false, 0];
    const version = rest.versions.get(id, base);
    const read = (): void => {
      const fresh = compare(id, base, version, pipeline);
      const failed = (error: unknown) => (former: Compared) => ({ ...former, error: sentenceOf(error) });
      void fresh.then((comparison) => () => ({ comparison, error: null }), failed).then((next) => isStale || setState(next));
    };
    const wait = (): void => {
      clearTimeout(timer);
      timer = window.setTimeout(read, QUIET_MS);
    };
    setState(WAITING);
    read();
    const stop = pipeline.subscribe(wait);
    return () => {
      isStale = true;
      clearTimeout(timer);
      stop();
    };
  }, [id, base, pipeline]);
  return state;
}

async function compare(id: string, base: number, version: Promise<WholeVersion>, pipeline: Pipeline): Promise<Comparison> {
  const [before, difference] = await Promise.all([version, rest.versions.compare(id, base)]);
  return compared(stateOf(before), presentState(pipeline), difference);
}

const presentState = (pipeline: Pipeline): State => ({
  steps: [...pipeline.steps().values()],
  connections: [...pipeline.connections().values()],
});
