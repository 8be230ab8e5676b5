/** One table: a row for each pipeline. */
import type { ListedPipeline } from "pipeloom-client/rest";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { Avatars } from "../ui/Avatar";
import styles from "./PipelineTable.module.css";
import { ago } from "./ago";

export function PipelineTable({ pipelines, isSearch }: {
  readonly pipelines: readonly ListedPipeline[];
  readonly isSearch: boolean;
}): ReactNode {
  if (pipelines.length === 0) {
    return <p className={styles.empty}>{isSearch ? "Nothing has all these words." : "There is no pipeline yet."}</p>;
  }
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className={styles.wide}>Tags</th>
          <th scope="col" className={styles.wide}>Status</th>
          <th scope="col">Here now</th>
          <th scope="col" className={styles.end}>Edited</th>
        </tr>
      </thead>
      <tbody>
        {pipelines.map((pipeline) => (
          <Row key={pipeline.id} pipeline={pipeline} />
        ))}
      </tbody>
    </table>
  );
}

const STATUS = { draft: "Draft", active: "Active", archived: "Archived" } as const;

const Row = ({ pipeline: { id, name, description, status, tags, present, updated_at: edited } }: {
  readonly pipeline: ListedPipeline;
}): ReactNode => (
  <tr>
    <td className={styles.name}>
      <Link href={`/pipelines/${id}`} className={styles.link}>
        {name}
      </Link>
      {description ? <p className={styles.description}>{description}</p> : null}
    </td>
    <td className={styles.wide}>
      <span className={styles.tags}>
        {tags.slice(0, 3).map((tag) => (
          <span key={tag} className={styles.tag}>{tag}</span>
        ))}
      </span>
    </td>
    <td className={styles.wide}>
      <span className={styles.status} data-status={status}>{STATUS[status]}</span>
    </td>
    <td>
      <Avatars people={present} most={3} />
    </td>
    <td className={styles.end}>
      <time dateTime={edited} title={new Date(edited).toLocaleString()}>{ago(edited)}</time>
    </td>
  </tr>
);
