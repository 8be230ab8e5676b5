/** The drawer at the bottom: what is wrong with the pipeline, and its comments. */
import { ChevronDown, ChevronUp } from "lucide-react";
import type { ExplainedDiagnostic } from "pipeloom-client";
import { useDiagnostics } from "pipeloom-client/react";
import { type ReactNode, Suspense } from "react";
import { IconButton } from "../../ui/Button";
import { Part } from "../../ui/Part";
import { Tabs } from "../../ui/Tabs";
import { useSharedComments } from "../comments/CommentsProvider";
import { useEditor, useSetEditor, type Drawer } from "../state";
import styles from "./Problems.module.css";
import { later } from "../../ui/later";

const ProblemList = later(() => import("./ProblemList"));
const Comments = later(() => import("../comments/Comments"));

export function Problems(): ReactNode {
  const diagnostics = useDiagnostics();
  const { threads } = useSharedComments();
  const drawer = useEditor((state) => state.drawer);
  const set = useSetEditor();
  const open = threads.filter(({ root }) => !root.resolved);
  return (
    <section className={styles.drawer} aria-label="Problems and comments" data-region="problems" data-open={drawer !== null}>
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
          <Part name="This list" resetOn={drawer}>
            <Suspense>{drawer === "problems" ? <ProblemList diagnostics={diagnostics} /> : <Comments />}</Suspense>
          </Part>
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
