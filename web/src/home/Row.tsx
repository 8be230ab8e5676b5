/** A pipeline in the table: the whole row leads to it. */
import { CircleAlert, Star, TriangleAlert } from "lucide-react";
import type { ListedPipeline } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { starred, useMarks } from "../session/marks";
import { Avatars } from "../ui/Avatar";
import { ago } from "../session/ago";
import { partsOf } from "./found";
import { useHome } from "./HomeState";
import styles from "./PipelineTable.module.css";
import { type RowActions, RowMenu } from "./RowMenu";
import { Thumbnail } from "./Thumbnail";

const STATUS = { draft: "Draft", active: "Active", archived: "Archived" } as const;

export function Row({ pipeline, sought, index, ...actions }: RowActions & {
  readonly pipeline: ListedPipeline;
  readonly sought: string;
  readonly index: number;
}): ReactNode {
  const { id, description, status, tags, outline, present, updated_at: edited } = pipeline;
  const [isRenaming, setRenaming] = useState(false);
  const isStarred = useMarks(starred).includes(id);
  return (
    <tr aria-rowindex={index + 2} data-pipeline={id}>
      <td>
        <span className={styles.first}>
          <Thumbnail steps={outline.steps} />
          <span className={styles.words}>
            {isRenaming ? (
              <Rename pipeline={pipeline} actions={actions.actions} onDone={() => setRenaming(false)} />
            ) : (
              <Name pipeline={pipeline} sought={sought} isStarred={isStarred} />
            )}
            <span className={styles.description}>
              <Found text={description ?? ""} sought={sought} />
            </span>
          </span>
        </span>
      </td>
      <td className={styles.tagsColumn}>
        <Tags tags={tags} sought={sought} />
      </td>
      <td className={styles.statusColumn}>
        <span className={styles.status} data-status={status}>{STATUS[status]}</span>
      </td>
      <td className={styles.stepsColumn}>{outline.step_count}</td>
      <td className={styles.hereColumn}>
        <span className={styles.here}>
          <Avatars people={present} most={3} size={20} />
        </span>
      </td>
      <td className={styles.editedColumn}>
        <Edited time={edited} />
      </td>
      <td className={styles.menuColumn}>
        <RowMenu pipeline={pipeline} isStarred={isStarred} {...actions} onRename={() => setRenaming(true)} />
      </td>
    </tr>
  );
}

function Name({ pipeline: { id, name, outline: { errors, warnings } }, sought, isStarred }: {
  readonly pipeline: ListedPipeline;
  readonly sought: string;
  readonly isStarred: boolean;
}): ReactNode {
  return (
    <span className={styles.title}>
      <Link href={`/pipelines/${id}`} className={styles.link} title={name} data-row>
        <Found text={name} sought={sought} />
      </Link>
      {isStarred ? <Star size={14} role="img" aria-label="Starred" className={styles.star} /> : null}
      {errors > 0 ? (
        <span className={styles.problems} data-severity="error" title={many(errors, "error")}>
          <CircleAlert size={14} role="img" aria-label="Errors:" /> {errors}
        </span>
      ) : warnings > 0 ? (
        <span className={styles.problems} data-severity="warning" title={many(warnings, "warning")}>
          <TriangleAlert size={14} role="img" aria-label="Warnings:" /> {warnings}
        </span>
      ) : null}
    </span>
  );
}

const many = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

const Found = ({ text, sought }: { readonly text: string; readonly sought: string }): ReactNode =>
  partsOf(text, sought).map(({ text: part, isFound }, at) => (isFound ? <mark key={at}>{part}</mark> : part));

function Tags({ tags, sought }: { readonly tags: readonly string[]; readonly sought: string }): ReactNode {
  const more = tags.slice(3);
  return (
    <span className={styles.tags}>
      {tags.slice(0, 3).map((tag) => (
        <span key={tag} className={styles.tag} title={tag}><Found text={tag} sought={sought} /></span>
      ))}
      {more.length > 0 ? <span className={styles.tag} title={more.join(", ")}>+{more.length}</span> : null}
    </span>
  );
}

function Edited({ time }: { readonly time: string }): ReactNode {
  const shown = ago(time);
  return (
    <time dateTime={time} title={new Date(time).toLocaleString()} className={styles.edited} data-now={shown === "Now"}>
      {shown}
    </time>
  );
}

/** The name as a field: Enter and leaving it rename, Escape does not; what is refused stays in it. */
function Rename({ pipeline, actions, onDone }: Pick<RowActions, "actions"> & {
  readonly pipeline: ListedPipeline;
  readonly onDone: () => void;
}): ReactNode {
  const [name, setName] = useState(pipeline.name);
  const [isBusy, setBusy] = useState(false);
  const { attempt } = useHome();
  const finish = async (): Promise<void> => {
    if (isBusy) return;
    if (name.trim() === "" || name === pipeline.name) return onDone();
    setBusy(true);
    if (await attempt(() => actions.patch(pipeline, { name: name.trim() }))) return onDone();
    setBusy(false);
  };
  return (
    <input
      className={styles.rename}
      aria-label={`New name of ${pipeline.name}`}
      value={name}
      maxLength={500}
      autoFocus
      onFocus={({ target }) => target.select()}
      onChange={({ target }) => setName(target.value)}
      onBlur={() => void finish()}
      onKeyDown={({ key }) => {
        if (key === "Enter") void finish();
        if (key === "Escape") onDone();
      }}
    />
  );
}
