/** What has become of each file: under way, imported, or refused with the reasons. */
import { CircleAlert, CircleCheck, LoaderCircle, TriangleAlert, X } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import { Button, IconButton } from "../../ui/Button";
import { useHome } from "../HomeState";
import styles from "./ImportResults.module.css";
import { type Import, type ImportState, isUnderWay } from "./imports";
import { clear, retry, useImportList } from "./useImports";

const REASONS_SHOWN = 4;

export function ImportResults(): ReactNode {
  const imports = useImportList();
  const { recount } = useHome();
  const underWay = imports.filter(({ state }) => isUnderWay(state)).length;
  const taken = imports.filter(({ state }) => state.kind === "taken").length;
  useEffect(() => {
    if (taken > 0) recount();
  }, [taken]);
  useQuestion(underWay > 0);
  if (imports.length === 0) return null;
  return (
    <section className={styles.panel} aria-label="Imports">
      <header className={styles.head}>
        <h2 role="status">{headline(imports.length, underWay, taken)}</h2>
        <IconButton label="Close" side="top" onClick={clear} disabledReason={underWay > 0 ? "Files are under way" : undefined}>
          <X size={16} />
        </IconButton>
      </header>
      {underWay > 0 ? (
        <progress className={styles.progress} max={imports.length} value={imports.length - underWay} aria-label="Imported files" />
      ) : null}
      <ul className={styles.list}>
        {imports.map((each) => (
          <Result key={each.key} result={each} />
        ))}
      </ul>
    </section>
  );
}

function headline(count: number, underWay: number, taken: number): string {
  if (underWay > 0) return `Importing ${count - underWay + 1} of ${count}`;
  const refused = count - taken;
  return [taken > 0 && `${taken} imported`, refused > 0 && `${refused} refused`].filter(Boolean).join(", ");
}

/** Leaving the page would end what is under way. */
function useQuestion(isUnderWay: boolean): void {
  useEffect(() => {
    if (!isUnderWay) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isUnderWay]);
}

function Result({ result: { key, file, state } }: { readonly result: Import }): ReactNode {
  return (
    <li className={styles.result} data-kind={state.kind}>
      <Mark state={state} />
      <div className={styles.words}>
        <p className={styles.file}>{file.name}</p>
        <What state={state} />
      </div>
      {state.kind === "taken" ? (
        <Link href={`/pipelines/${state.made.id}`} className={styles.open} aria-label={`Open ${state.made.name}`}>
          Open
        </Link>
      ) : null}
      {state.kind === "refused" && state.mayRetry ? (
        <Button variant="ghost" onClick={() => retry(key)} aria-label={`Try ${file.name} again`}>
          Retry
        </Button>
      ) : null}
    </li>
  );
}

function Mark({ state }: { readonly state: ImportState }): ReactNode {
  if (isUnderWay(state)) return <LoaderCircle size={16} className={state.kind === "sending" ? styles.turning : styles.waiting} role="img" aria-label="Under way" />;
  if (state.kind === "refused") return <CircleAlert size={16} className={styles.refused} role="img" aria-label="Refused" />;
  const isOdd = state.kind === "taken" && state.made.findings.length > 0;
  return isOdd ? (
    <TriangleAlert size={16} className={styles.odd} role="img" aria-label="Imported, with problems" />
  ) : (
    <CircleCheck size={16} className={styles.taken} role="img" aria-label="Imported" />
  );
}

function What({ state }: { readonly state: ImportState }): ReactNode {
  if (isUnderWay(state)) return <p>{state.kind === "sending" ? "Importing" : "Waiting"}</p>;
  if (state.kind === "taken") {
    const { name, findings } = state.made;
    return <p>{findings.length === 0 ? `Imported as “${name}”` : `Imported as “${name}”, with ${findings.length === 1 ? "1 problem" : `${findings.length} problems`} to look at`}</p>;
  }
  const reasons = state.kind === "refused" ? state.reasons : [];
  const more = reasons.length - REASONS_SHOWN;
  return (
    <>
      {reasons.slice(0, REASONS_SHOWN).map((reason) => (
        <p key={reason} className={styles.refused}>{reason}</p>
      ))}
      {more > 0 ? <p>And {more} more.</p> : null}
    </>
  );
}
