/** The versions, newest first: the one that is chosen is compared with now. */
import { Plus, X } from "lucide-react";
import type { useVersions } from "pipeloom-client/react";
import { type FormEvent, type ReactNode, useState } from "react";
import { ago } from "../../session/ago";
import { Button, IconButton } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { type History, useSetEditor } from "../state";
import { useReadOnly } from "../useReadOnly";
import styles from "./Versions.module.css";

type Loaded = ReturnType<typeof useVersions>;
type Version = Loaded["versions"][number];

export const titleOf = ({ name, version_number: number }: Version): string => name ?? `Version ${number}`;

export function Versions({ versions, save, history }: Pick<Loaded, "versions" | "save"> & { readonly history: History }): ReactNode {
  const set = useSetEditor();
  const choose = (base: number | null): void => set({ history: { base, stepId: null } });
  return (
    <aside className={styles.panel} aria-label="History">
      <header className={styles.head}>
        <h3>History</h3>
        <IconButton label="Close the history" onClick={() => set({ history: null })}>
          <X size={16} />
        </IconButton>
      </header>
      <Save save={save} />
      <ol className={styles.list}>
        <Entry title="Live" about="Now" isChosen={history.base === null} isLive onChoose={() => choose(null)} />
        {versions.map((version) => (
          <Entry
            key={version.id}
            title={titleOf(version)}
            about={aboutOf(version)}
            isChosen={version.version_number === history.base}
            onChoose={() => choose(version.version_number)}
          />
        ))}
      </ol>
      {versions.length === 0 ? <p className={styles.none}>No version has been saved yet. Pipeloom saves one by itself before anything is restored.</p> : null}
    </aside>
  );
}

const aboutOf = ({ created_at: time, change_summary: summary, author }: Version): string =>
  [ago(time), author?.name, summary].filter(Boolean).join(" · ");

function Entry({ title, about, isChosen, isLive = false, onChoose }: {
  readonly title: string;
  readonly about: string;
  readonly isChosen: boolean;
  readonly isLive?: boolean;
  readonly onChoose: () => void;
}): ReactNode {
  return (
    <li>
      <button type="button" className={cx(styles.entry, isChosen && styles.chosen, isLive && styles.live)} aria-pressed={isChosen} onClick={onChoose}>
        <span className={styles.words}>
          <span className={styles.title} title={title}>{title}</span>
          <span className={styles.about} title={about}>{about}</span>
        </span>
        {isChosen && !isLive ? <span className={styles.base}>Base</span> : null}
      </button>
    </li>
  );
}

/** Names the present state. */
function Save({ save }: Pick<Loaded, "save">): ReactNode {
  const reason = useReadOnly();
  const [name, setName] = useState("");
  const [refusal, setRefusal] = useState("");
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (reason !== undefined) return;
    const isSaved = await save(name.trim() || new Date().toLocaleString());
    setRefusal(isSaved ? "" : "The version was not saved: try again.");
    if (isSaved) setName("");
  };
  return (
    <form className={styles.save} onSubmit={(event) => void submit(event)}>
      <input value={name} maxLength={200} aria-label="Name of the version" placeholder="Name this version" disabled={reason !== undefined} title={reason} onChange={({ target }) => setName(target.value)} />
      <Button type="submit" icon={<Plus size={14} />} disabledReason={reason}>
        Save
      </Button>
      <span role="alert" className={styles.refusal}>{refusal}</span>
    </form>
  );
}
