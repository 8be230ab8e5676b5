/** The history of a pipeline: its versions, what differs between one and now, the way back. */
import { useVersions } from "pipeloom-client/react";
import type { ReactNode } from "react";
import { Canvas } from "../canvas/Canvas";
import { type History as HistoryState, useEditor } from "../state";
import { ChangePanel } from "./ChangePanel";
import { Comparison } from "./Comparison";
import styles from "./History.module.css";
import { useComparison } from "./useComparison";
import { titleOf, Versions } from "./Versions";

export default function History(): ReactNode {
  const history = useEditor((state) => state.history);
  const { versions, save } = useVersions();
  if (history === null) return null;
  const version = versions.find(({ version_number: number }) => number === history.base);
  return (
    <>
      <Versions versions={versions} save={save} history={history} />
      {history.base === null ? <Unchosen /> : <Chosen key={history.base} base={history.base} history={history} title={version ? titleOf(version) : `Version ${history.base}`} />}
    </>
  );
}

/** The present pipeline, until a version is chosen. */
const Unchosen = (): ReactNode => (
  <main className={styles.middle} aria-label="Pipeline">
    <Canvas />
  </main>
);

function Chosen({ base, title, history }: { readonly base: number; readonly title: string; readonly history: HistoryState }): ReactNode {
  const { comparison, error } = useComparison(base);
  return (
    <>
      <main className={styles.middle} aria-label="Pipeline">
        <Comparison title={title} comparison={comparison} error={error} />
      </main>
      {comparison === null ? null : <ChangePanel base={base} title={title} comparison={comparison} stepId={history.stepId} />}
    </>
  );
}
