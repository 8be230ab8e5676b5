/** The drawer at the bottom: what is wrong with the pipeline, and its comments. */
import { ChevronDown, ChevronUp, CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import type { ExplainedDiagnostic } from "pipeloom-client";
import { useDiagnostics, useRoom, useSaved } from "pipeloom-client/react";
import { Fragment, type KeyboardEvent, type ReactNode, useMemo } from "react";
import { Button, IconButton } from "../../ui/Button";
import { Tabs } from "../../ui/Tabs";
import { Comments } from "../comments/Comments";
import { useSharedComments } from "../comments/CommentsProvider";
import { useEditor, useSetEditor, type Drawer } from "../state";
import { useCommands } from "../useCommands";
import { fixOf, placeOf } from "./fixes";
import styles from "./Problems.module.css";

export function Problems(): ReactNode {
  const diagnostics = useDiagnostics();
  const { threads } = useSharedComments();
  const drawer = useEditor((state) => state.drawer);
  const set = useSetEditor();
  const open = threads.filter(({ root }) => !root.resolved);
  return (
    <section className={styles.drawer} aria-label="Problems and comments" data-open={drawer !== null}>
      <header className={styles.head}>
        <Tabs<Drawer>
          label="Problems and comments"
          tabs={[
            { id: "problems", label: "Problems", count: diagnostics.length },
            { id: "comments", label: "Comments", count: open.length },
          ]}
          chosen={drawer}
          onChoose={(id) => set({ drawer: id })}
        />
        <span className={styles.summary}>{summary(diagnostics)}</span>
        <IconButton
          label={drawer === null ? "Open the panel" : "Close the panel"}
          side="top"
          aria-expanded={drawer !== null}
          onClick={() => set({ drawer: drawer === null ? "problems" : null })}
        >
          {drawer === null ? <ChevronUp size={16} /> : <ChevronDown size={16} />}
        </IconButton>
      </header>
      {drawer === null ? null : (
        <div role="tabpanel" aria-label={drawer} className={styles.body}>
          {drawer === "problems" ? <List diagnostics={diagnostics} /> : <Comments />}
        </div>
      )}
    </section>
  );
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

function summary(diagnostics: readonly ExplainedDiagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const warnings = diagnostics.length - errors;
  return [errors && plural(errors, "error"), warnings && plural(warnings, "warning")].filter(Boolean).join(" · ");
}

function List({ diagnostics }: { readonly diagnostics: readonly ExplainedDiagnostic[] }): ReactNode {
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

/** Names in quotation marks as code. */
const Words = ({ text }: { readonly text: string }): ReactNode =>
  text.split(/"([^"]+)"/).map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : <Fragment key={at}>{part}</Fragment>));

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
  const isReadOnly = useSaved().state === "read only";
  const fix = useMemo(() => fixOf(diagnostic, [...pipeline.steps().values()].map(({ name }) => name)), [diagnostic, pipeline]);
  if (fix === undefined) return null;
  return (
    <Button
      title={fix.title}
      aria-label={`Fix ${about}: ${fix.title}`}
      disabledReason={isReadOnly ? "You may read this pipeline, not edit it" : undefined}
      onClick={() => check(fix.apply(pipeline))}
    >
      Fix
    </Button>
  );
}
