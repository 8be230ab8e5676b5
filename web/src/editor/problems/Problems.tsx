/** The drawer at the bottom: what is wrong with the pipeline, and its comments. */
import { ChevronDown, ChevronUp, CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import type { Diagnostic } from "pipeloom-client";
import { useComments, useDiagnostics, useRoom } from "pipeloom-client/react";
import type { ReactNode } from "react";
import { Button, IconButton } from "../../ui/Button";
import { Tabs } from "../../ui/Tabs";
import { Comments } from "../comments/Comments";
import { useEditor, useSetEditor, type Drawer } from "../state";
import { useCommands } from "../useCommands";
import styles from "./Problems.module.css";

export function Problems(): ReactNode {
  const diagnostics = useDiagnostics();
  const comments = useComments();
  const drawer = useEditor((state) => state.drawer);
  const set = useSetEditor();
  const open = comments.comments.filter(({ parent_id: parent, resolved }) => parent === null && !resolved);
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
          {drawer === "problems" ? <List diagnostics={diagnostics} /> : <Comments {...comments} />}
        </div>
      )}
    </section>
  );
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

function summary(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const warnings = diagnostics.length - errors;
  return [errors && plural(errors, "error"), warnings && plural(warnings, "warning")].filter(Boolean).join(" · ");
}

function List({ diagnostics }: { readonly diagnostics: readonly Diagnostic[] }): ReactNode {
  if (diagnostics.length === 0) {
    return (
      <p className={styles.none}>
        <CircleCheck size={16} aria-hidden="true" /> No problems.
      </p>
    );
  }
  return (
    <ul className={styles.list}>
      {diagnostics.map((each) => (
        <Row key={`${each.subject} ${each.code} ${each.path}`} diagnostic={each} />
      ))}
    </ul>
  );
}

function Row({ diagnostic: { subject, severity, message, suggestion } }: { readonly diagnostic: Diagnostic }): ReactNode {
  const { pipeline } = useRoom();
  const { jumpTo } = useCommands();
  const [kind, id] = subject.split(":");
  const step = kind === "step" && id !== undefined ? pipeline.steps().get(id) : undefined;
  const Icon = severity === "error" ? CircleAlert : TriangleAlert;
  return (
    <li className={styles.row}>
      <Icon size={16} role="img" aria-label={severity} className={styles[severity]} />
      <span className={styles.message} title={suggestion}>{message}</span>
      <code className={styles.where}>{step?.name ?? ""}</code>
      {step === undefined ? null : (
        <Button variant="ghost" onClick={() => jumpTo(step.id)} aria-label={`Show ${step.name}`}>
          Show
        </Button>
      )}
    </li>
  );
}
