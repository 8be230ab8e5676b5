/** The pipeline as YAML, as the server exports it; read anew once edits are saved. */
import { useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useEffect, useState } from "react";
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
  const isSaved = useSaved().unsaved === 0;
  const [state, setState] = useState({ yaml: "", error: "" });
  useEffect(() => {
    let timer = 0;
    let turn = 0;
    const read = async (): Promise<void> => {
      const mine = ++turn;
      const next = await room.request("/export").then(
        async (answer) => (answer.ok ? { yaml: await answer.text(), error: "" } : { error: `The server answered ${answer.status}.` }),
        () => ({ error: "The server cannot be reached." }),
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
  }, [room, isSaved]);
  return state;
}
