/** The pipeline as the server exports it, read anew whenever it has changed: after a pause, and once one's own edits are saved. */
import { useRoom, useSaved } from "pipeloom-client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import { rest, sentenceOf } from "../../session/rest";

export interface Exported {
  readonly yaml: string;
  /** The tag of this state: an edit of it can be refused if another one was made meanwhile. */
  readonly etag: string;
}

export interface LiveYaml {
  readonly exported: Exported | null;
  /** Why it could not be read last; empty if it could. */
  readonly error: string;
  /** Read it now. */
  readonly read: () => Promise<Exported | null>;
}

const QUIET_MS = 400;
/** While people go on typing it is read all the same. */
const LONGEST_MS = 2000;

export function useLiveYaml(id: string): LiveYaml {
  const room = useRoom();
  const isSaved = useSaved().unsaved === 0;
  const [state, setState] = useState<Omit<LiveYaml, "read">>({ exported: null, error: "" });
  const reading = useRef<AbortController | null>(null);
  const read = useCallback(async (): Promise<Exported | null> => {
    reading.current?.abort();
    const mine = new AbortController();
    reading.current = mine;
    try {
      const exported = await rest.yaml.export(id, { signal: mine.signal });
      // The same state stays the same object: nothing is drawn anew.
      setState((former) => ({ exported: former.exported?.etag === exported.etag ? former.exported : exported, error: "" }));
      return exported;
    } catch (error) {
      if (!mine.signal.aborted) setState(({ exported }) => ({ exported, error: sentenceOf(error) }));
      return null;
    }
  }, [id]);
  useEffect(() => {
    let timer = 0;
    let waitingSince = 0;
    const now = (): void => {
      waitingSince = 0;
      void read();
    };
    const later = (): void => {
      waitingSince ||= performance.now();
      const left = Math.max(0, LONGEST_MS - (performance.now() - waitingSince));
      clearTimeout(timer);
      timer = window.setTimeout(now, Math.min(QUIET_MS, left));
    };
    if (isSaved) void read();
    const stop = room.pipeline.subscribe(later);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [room, read, isSaved]);
  useEffect(() => () => reading.current?.abort(), []);
  return { ...state, read };
}
