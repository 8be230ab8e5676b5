/** The saved versions: save one, restore one. */
import { History as HistoryIcon } from "lucide-react";
import { useSaved, useVersions } from "pipeloom-client/react";
import { type ReactNode, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { Popover } from "../../ui/Popover";
import styles from "./History.module.css";

export const History = (): ReactNode => (
  <Popover
    label="History"
    align="end"
    className={styles.panel}
    trigger={(trigger) => (
      <IconButton label="History" {...trigger}>
        <HistoryIcon size={16} />
      </IconButton>
    )}
  >
    {() => <Versions />}
  </Popover>
);

function Versions(): ReactNode {
  const { versions, save, restore } = useVersions();
  const isReadOnly = useSaved().state === "read only";
  const [refusal, setRefusal] = useState("");
  const reason = isReadOnly ? "You may read this pipeline, not edit it" : undefined;
  const check = async (done: Promise<boolean>): Promise<void> => setRefusal((await done) ? "" : "This was refused: try again.");
  return (
    <>
      <header className={styles.head}>
        <h3>Versions</h3>
        <Button disabledReason={reason} onClick={() => void check(save(new Date().toLocaleString()))}>
          Save a version
        </Button>
      </header>
      <p role="alert" className={styles.refusal}>{refusal}</p>
      {versions.length === 0 ? <p className={styles.none}>No version has been saved yet.</p> : null}
      <ul className={styles.list}>
        {versions.map(({ id, version_number: number, name, change_summary: summary, created_at: time }) => (
          <li key={id} className={styles.version}>
            <span className={styles.words}>
              <span>{name ?? `Version ${number}`}</span>
              <time dateTime={time}>{summary ?? new Date(time).toLocaleString()}</time>
            </span>
            <Button variant="ghost" disabledReason={reason} onClick={() => void check(restore(number))} aria-label={`Restore version ${number}`}>
              Restore
            </Button>
          </li>
        ))}
      </ul>
    </>
  );
}
