/** Changes field by field: texts line by line, other values before and after. */
import type { ReactNode } from "react";
import { cx } from "../../ui/cx";
import type { Change } from "./comparison";
import styles from "./Fields.module.css";
import { below, fieldChanges, isText, linesOf, valueOf } from "./words";

export const Fields = ({ changes }: { readonly changes: readonly Change[] }): ReactNode =>
  fieldChanges(changes).map(({ title, changes: own }) => (
    <section key={title} className={styles.field} aria-label={title}>
      <h3>{title}</h3>
      {own.map((change) => (
        <Value key={change.path} change={change} />
      ))}
    </section>
  ));

const MOVES: Readonly<Record<string, string>> = { "/order_index": "Moved in its list" };

function Value({ change }: { readonly change: Change }): ReactNode {
  const where = below(change.path);
  return (
    <>
      {where === "" ? null : <p className={styles.where}>{where}</p>}
      {MOVES[change.path] !== undefined ? <p>{MOVES[change.path]}</p> : isText(change) ? <Text change={change} /> : <Values change={change} />}
    </>
  );
}

const SIGNS = { same: " ", added: "+", removed: "−" } as const;

function Text({ change: { before, after } }: { readonly change: Change }): ReactNode {
  return (
    <pre className={styles.text} tabIndex={0}>
      {linesOf(String(before), String(after)).map(({ kind, text }, at) => (
        <span key={at} className={cx(styles.line, styles[kind])}>
          <span className={styles.sign}>{SIGNS[kind]}</span>
          {text}
        </span>
      ))}
    </pre>
  );
}

function Values({ change: { kind, before, after } }: { readonly change: Change }): ReactNode {
  return (
    <p className={styles.values}>
      {kind === "added" ? null : <del title={valueOf(before)}>{valueOf(before)}</del>}
      {kind === "changed" ? <span aria-label="is now">→</span> : null}
      {kind === "removed" ? null : <ins title={valueOf(after)}>{valueOf(after)}</ins>}
    </p>
  );
}
