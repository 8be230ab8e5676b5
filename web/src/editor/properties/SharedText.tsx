/** A text in which several people type at once. Until its editor has come, and for who cannot load it, the text is there to read. */
import type { Json, Path } from "pipeloom-client";
import { useUndo } from "pipeloom-client/react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { loadTextEditor } from "../text/loadTextEditor";
import type { TextEditor } from "../text/textEditor";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import type { Labelled } from "./Frame";
import { referencesIn } from "./inSight";
import { setAt } from "./paths";

interface SharedTextProps extends Partial<Labelled> {
  readonly path: Path;
  readonly value: Json | undefined;
  readonly label: string;
  readonly placeholder?: string;
  readonly isFocused?: boolean;
}

export function SharedText({ path, value, label, placeholder = "", isFocused = false, ...about }: SharedTextProps): ReactNode {
  const { stepId, readOnlyReason } = useEditing();
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<TextEditor | null>(null);
  const [state, setState] = useState<"loading" | "ready" | "failed">("loading");
  const options = useOptions(path, value);
  const isEditable = readOnlyReason === undefined;
  useEffect(() => {
    let isGone = false;
    setState("loading");
    const make = ({ TextEditor: Made }: { readonly TextEditor: typeof TextEditor }): void => {
      const parent = host.current;
      if (isGone || parent === null) return;
      const attributes = { "aria-label": label, "aria-describedby": about["aria-describedby"] ?? "", ...(about.id && { id: about.id }) };
      const onLeave = (): void => parent.closest<HTMLElement>("[data-panel]")?.focus();
      editor.current = new Made({ ...options.current(), parent, path, attributes, placeholder, isEditable, onLeave });
      setState("ready");
    };
    loadTextEditor().then(make, () => isGone || setState("failed"));
    return () => {
      isGone = true;
      editor.current?.destroy();
      editor.current = null;
    };
    // The editor follows the document by itself; another step or a new shared item makes another component.
  }, [stepId]);
  // Not before it is shown: what is hidden takes no focus.
  useEffect(() => {
    if (state === "ready" && isFocused) editor.current?.focus();
  }, [state]);
  useEffect(() => editor.current?.refresh(path));
  useEffect(() => editor.current?.setEditable(isEditable), [isEditable, state]);
  return (
    <div className={styles.text} data-editable={isEditable || undefined} title={readOnlyReason}>
      {state === "ready" ? null : <pre className={styles.waiting}>{typeof value === "string" ? value : ""}</pre>}
      <div ref={host} hidden={state !== "ready"} />
      {state === "failed" ? <p className={styles.hint}>The editor could not be loaded. Close this step and open it again.</p> : null}
    </div>
  );
}

/** What an editor is made with, by the latest props: its callbacks are called long after that. */
function useOptions(path: Path, value: Json | undefined) {
  const { room, stepId, change } = useEditing();
  const { undo, redo } = useUndo();
  const latest = useRef({ path, value, undo, redo, change });
  latest.current = { path, value, undo, redo, change };
  const { pipeline } = room;
  const make = () => ({
    room,
    step: stepId,
    undo: () => latest.current.undo(),
    redo: () => latest.current.redo(),
    source: {
      text: () => pipeline.text(stepId, latest.current.path),
      plain: () => (typeof latest.current.value === "string" ? latest.current.value : ""),
      create: (typed: string) => void latest.current.change((config) => setAt(config, latest.current.path, typed)),
    },
    references: {
      all: () => referencesIn(pipeline.steps(), stepId),
      hasStep: (name: string) => [...pipeline.steps().values()].some((each) => each.name === name),
    },
  });
  const options = useRef(make);
  options.current = make;
  return options;
}
