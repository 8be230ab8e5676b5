/** What has changed in one step or in the settings, field by field; restores the step or the whole version. */
import { X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { rest, sentenceOf } from "../../session/rest";
import { Button, IconButton } from "../../ui/Button";
import { TypeTile } from "../families";
import { useEditor, usePipelineId, useSetEditor } from "../state";
import { useReadOnly } from "../useReadOnly";
import styles from "./ChangePanel.module.css";
import type { Comparison, EntryChange } from "./comparison";
import { Fields } from "./Fields";

interface ChangePanelProps {
  readonly base: number;
  readonly title: string;
  readonly comparison: Comparison;
  readonly stepId: string | null;
}

export function ChangePanel({ base, title, comparison, stepId }: ChangePanelProps): ReactNode {
  const change = comparison.changes.find(({ id }) => id === stepId);
  return (
    <aside className={styles.panel} aria-label="Changes">
      {stepId === null ? <Head title="Settings" about={`Since ${title}`} /> : <StepHead comparison={comparison} stepId={stepId} />}
      <div className={styles.body}>
        {stepId === null ? <Settings comparison={comparison} /> : <StepChanges change={change} />}
      </div>
      <Restore base={base} stepId={stepId} change={change} />
    </aside>
  );
}

function StepHead({ comparison, stepId }: { readonly comparison: Comparison; readonly stepId: string }): ReactNode {
  const step = comparison.nodes.find(({ id }) => id === stepId)?.data.step;
  const kind = comparison.kinds.get(stepId);
  if (step === undefined) return null;
  return <Head title={step.name} about={kind ? { added: "Added", removed: "Removed", changed: "Changed" }[kind] : "Unchanged"} type={step.type} />;
}

function Head({ title, about, type }: { readonly title: string; readonly about: string; readonly type?: string }): ReactNode {
  const history = useEditor((state) => state.history);
  const set = useSetEditor();
  return (
    <header className={styles.head}>
      {type === undefined ? null : <TypeTile type={type} />}
      <div className={styles.title}>
        <h2 title={title}>{title}</h2>
        <p>{about}</p>
      </div>
      {history?.stepId ? (
        <IconButton label="Close the changes" onClick={() => set({ history: { ...history, stepId: null } })}>
          <X size={16} />
        </IconButton>
      ) : null}
    </header>
  );
}

function Settings({ comparison: { settings, changes } }: { readonly comparison: Comparison }): ReactNode {
  if (settings.length > 0) return <Fields changes={settings} />;
  return <p className={styles.hint}>{changes.length > 0 ? "The settings are the same. Choose a step to see what has changed in it." : "Nothing differs from now."}</p>;
}

function StepChanges({ change }: { readonly change: EntryChange | undefined }): ReactNode {
  if (change === undefined) return <p className={styles.hint}>This step is the same in both.</p>;
  if (change.kind === "added") return <p className={styles.hint}>This step was added since: the version does not have it.</p>;
  if (change.kind === "removed") return <p className={styles.hint}>This step was removed since. It can be brought back alone.</p>;
  return <Fields changes={change.changes} />;
}

function Restore({ base, stepId, change }: { readonly base: number; readonly stepId: string | null; readonly change: EntryChange | undefined }): ReactNode {
  const pipeline = usePipelineId();
  const readOnly = useReadOnly();
  const [work, setWork] = useState<{ readonly isBusy: boolean; readonly words: string; readonly isRefused?: boolean }>({ isBusy: false, words: "" });
  const restore = async (steps?: readonly string[]): Promise<void> => {
    setWork({ isBusy: true, words: "Restoring…" });
    const done = await rest.versions.restore(pipeline, base, steps).then(
      ({ saved }) => ({ words: saved ? "Restored. What was there before is saved as a version." : "Restored." }),
      (error: unknown) => ({ words: sentenceOf(error), isRefused: true }),
    );
    setWork({ isBusy: false, ...done });
  };
  const reason = readOnly ?? (work.isBusy ? "A version is being restored" : undefined);
  const isNothing = change === undefined ? "This step is the same in both" : change.kind === "added" ? "The version does not have this step" : undefined;
  return (
    <footer className={styles.foot}>
      <p role={work.isRefused ? "alert" : "status"} className={work.isRefused ? styles.refusal : styles.done}>{work.words}</p>
      {stepId === null ? null : (
        <Button disabledReason={reason ?? isNothing} onClick={() => void restore([stepId])}>
          Restore this step
        </Button>
      )}
      <Button variant="primary" disabledReason={reason} onClick={() => void restore()}>
        Restore version
      </Button>
    </footer>
  );
}
