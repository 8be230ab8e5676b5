/** The pipeline as YAML, as the server exports it; read anew once edits are saved. */
import { useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useEffect, useState } from "react";
import { rest, sentenceOf } from "../../session/rest";
import { usePipelineId } from "../state";
import styles from "./Code.module.css";

const QUIET_MS = 400;

export function Code(): ReactNode {
  const { yaml, error } = useYaml();
  return (
    <section className={styles.code} aria-label="Pipeline YAML">
      {error === "" ? null : <p role="alert" className={styles.refusal}>{error}</p>}
      <pre tabIndex={0}>{yaml}</pre>
    </section>
  );
}

function useYaml(): { yaml: string; error: string } {
  const room = useRoom();
  const id = usePipelineId();
  const isSaved = useSaved().unsaved === 0;
  const [state, setState] = useState({ yaml: "", error: "" });
  useEffect(() => {
    let timer = 0;
    let turn = 0;
    const read = async (): Promise<void> => {
      const mine = ++turn;
      const next = await rest.yaml.export(id).then(
        ({ yaml }) => ({ yaml, error: "" }),
        (error: unknown) => ({ error: sentenceOf(error) }),
      );
      if (mine === turn) setState((former) => ({ ...former, ...next }));
    };
    const later = (): void => {
      clearTimeout(timer);
      timer = window.setTimeout(() => void read(), QUIET_MS);
    };
    if (isSaved) void read();
    const stop = room.pipeline.subscribe(later);
    return () => {
      stop();
      clearTimeout(timer);
      turn++;
    };
  }, [room, id, isSaved]);
  return state;
}
