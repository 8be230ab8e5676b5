/** One table: a row for each pipeline; of a long list only the rows near the view are mounted. */
import type { ListedPipeline } from "pipeloom-client/rest";
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef } from "react";
import styles from "./PipelineTable.module.css";
import { Row } from "./Row";
import type { RowActions } from "./RowMenu";
import { ROW_HEIGHT, useWindow } from "./useWindow";

/** How long after the last sign of a person at the table its rows stay where they are. */
const TOUCHED_MS = 4000;

export interface TableHandle {
  /** The ids of the rows in view, and whether rows may move now. */
  readonly seen: () => readonly [ids: readonly string[], mayMove: boolean];
  /** Put the focus on the first row. */
  readonly enter: () => void;
}

export function PipelineTable({ pipelines, sought, hasMore, onEnd, scroller, handle, onLeave, ...actions }: RowActions & {
  readonly pipelines: readonly ListedPipeline[];
  /** The words by which they were found, to be marked. */
  readonly sought: string;
  readonly hasMore: boolean;
  readonly onEnd: () => void;
  /** The id of the element that scrolls. */
  readonly scroller: string;
  readonly handle: RefObject<TableHandle | null>;
  /** Called when the keyboard leaves the table upwards. */
  readonly onLeave: () => void;
}): ReactNode {
  const body = useRef<HTMLTableSectionElement>(null);
  const touched = useRef(Number.NEGATIVE_INFINITY);
  const touch = (): void => void (touched.current = performance.now());
  const { from, to } = useWindow(body, scroller, pipelines.length);
  const shown = pipelines.slice(from, to);
  handle.current = handleOf(body, shown, touched);
  useEffect(() => {
    if (hasMore && to >= pipelines.length) onEnd();
  }, [hasMore, to, pipelines.length, onEnd]);
  return (
    <table
      className={styles.table}
      aria-rowcount={hasMore ? -1 : pipelines.length + 1}
      onPointerMove={touch}
      onFocus={touch}
      onKeyDown={(event) => (touch(), moveFocus(event, onLeave))}
    >
      <Head />
      <tbody ref={body}>
        <Space rows={from} />
        {shown.map((pipeline, at) => (
          <Row key={pipeline.id} pipeline={pipeline} sought={sought} index={from + at} {...actions} />
        ))}
        <Space rows={pipelines.length - to} />
      </tbody>
    </table>
  );
}

const Head = (): ReactNode => (
  <thead>
    <tr>
      <th scope="col">Name</th>
      <th scope="col" className={styles.tagsColumn}>Tags</th>
      <th scope="col" className={styles.statusColumn}>Status</th>
      <th scope="col" className={styles.stepsColumn}>Steps</th>
      <th scope="col" className={styles.hereColumn}>Here now</th>
      <th scope="col" className={styles.editedColumn}>Edited</th>
      <th scope="col" className={styles.menuColumn}>
        <span className="visually-hidden">Actions</span>
      </th>
    </tr>
  </thead>
);

const Space = ({ rows }: { readonly rows: number }): ReactNode =>
  rows > 0 ? (
    <tr aria-hidden="true" className={styles.space} style={{ height: rows * ROW_HEIGHT }}>
      <td />
    </tr>
  ) : null;

function handleOf(body: RefObject<HTMLElement | null>, shown: readonly ListedPipeline[], touched: { readonly current: number }): TableHandle {
  return {
    seen: () => {
      const isBusy = body.current?.querySelector(":popover-open, input") !== null;
      return [shown.map(({ id }) => id), !isBusy && performance.now() - touched.current > TOUCHED_MS];
    },
    enter: () => linksOf(body.current)[0]?.focus(),
  };
}

const linksOf = (element: HTMLElement | null): readonly HTMLElement[] => [...(element?.querySelectorAll<HTMLElement>("a[data-row]") ?? [])];

/** Arrows go from row to row, and upwards out of the table. */
function moveFocus(event: KeyboardEvent<HTMLElement>, onLeave: () => void): void {
  const links = linksOf(event.currentTarget);
  const at = links.indexOf(event.target as HTMLElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (at < 0 || next === undefined) return;
  event.preventDefault();
  if (next < 0) onLeave();
  else links[next]?.focus();
}
