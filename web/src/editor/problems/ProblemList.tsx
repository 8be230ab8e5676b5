/** The problems, each with where it is and what mends it; loaded when the drawer is opened. */
import { CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import type { ExplainedDiagnostic } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { type KeyboardEvent, type ReactNode, useMemo } from "react";
import { Button } from "../../ui/Button";
import { Words } from "../../ui/Words";
import { useCommands } from "../useCommands";
import { useReadOnly } from "../useReadOnly";
import { fixOf, placeOf } from "./fixes";
import styles from "./Problems.module.css";

export default function ProblemList({ diagnostics }: { readonly diagnostics: readonly ExplainedDiagnostic[] }): ReactNode {
  if (diagnostics.length === 0) {
    return (
      <p className={styles.none}>
        <CircleCheck size={16} aria-hidden="true" /> No problems.
      </p>
    );
  }
  return (
    <ul className={styles.list} onKeyDown={walk}>
      {diagnostics.slice(0, MOST).map((each) => (
        <Row key={`${each.subject} ${each.code} ${each.path}`} diagnostic={each} />
      ))}
      {diagnostics.length > MOST ? <li className={styles.none}>and {diagnostics.length - MOST} more, which are shown once some of these are mended</li> : null}
    </ul>
  );
}

/** So many rows are drawn: a document of a stranger may have a thousand problems. */
const MOST = 200;

/** Arrows walk from row to row. */
function walk({ key, currentTarget, target }: KeyboardEvent<HTMLUListElement>): void {
  if (key !== "ArrowDown" && key !== "ArrowUp") return;
  const rows = [...currentTarget.querySelectorAll<HTMLElement>("li")].map((row) => row.querySelector("button")).filter((button) => button !== null);
  const at = rows.findIndex((button) => button.closest("li")?.contains(target as Node));
  rows[at + (key === "ArrowDown" ? 1 : -1)]?.focus();
}

function Row({ diagnostic }: { readonly diagnostic: ExplainedDiagnostic }): ReactNode {
  const { subject, severity, message, suggestion, path } = diagnostic;
  const { pipeline } = useRoom();
  const [kind, id] = subject.split(":");
  const step = kind === "step" && id !== undefined ? pipeline.steps().get(id) : undefined;
  const Icon = severity === "error" ? CircleAlert : TriangleAlert;
  const place = placeOf(path);
  return (
    <li className={styles.row}>
      <Icon size={16} role="img" aria-label={severity} className={styles[severity]} />
      <span className={styles.message} title={`${message} ${suggestion}`}>
        <Words text={message} /> <span className={styles.suggestion}><Words text={suggestion} /></span>
      </span>
      <code className={styles.where}>{[step?.name, place].filter(Boolean).join(" › ")}</code>
      <Mend diagnostic={diagnostic} about={step?.name ?? "the pipeline"} />
      {step === undefined ? null : <Show id={step.id} name={step.name} />}
    </li>
  );
}

function Show({ id, name }: { readonly id: string; readonly name: string }): ReactNode {
  const { jumpTo } = useCommands();
  return (
    <Button variant="ghost" onClick={() => jumpTo(id)} aria-label={`Show ${name}`}>
      Show
    </Button>
  );
}

function Mend({ diagnostic, about }: { readonly diagnostic: ExplainedDiagnostic; readonly about: string }): ReactNode {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const disabledReason = useReadOnly();
  const fix = useMemo(() => fixOf(diagnostic, [...pipeline.steps().values()].map(({ name }) => name)), [diagnostic, pipeline]);
  if (fix === undefined) return null;
  return (
    <Button
      title={fix.title}
      aria-label={`Fix ${about}: ${fix.title}`}
      disabledReason={disabledReason}
      onClick={() => check(fix.apply(pipeline))}
    >
      Fix
    </Button>
  );
}
