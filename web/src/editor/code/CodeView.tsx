/** The pipeline as YAML: read while others edit, or edited as text and applied as the smallest edits. */
import { Check, Copy, GitMerge, Pencil, TriangleAlert } from "lucide-react";
import { RestError } from "pipeloom-client/rest";
import { useRoom, useSelection } from "pipeloom-client/react";
import { type ReactNode, type RefObject, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { rest, sentenceOf } from "../../session/rest";
import { Button, IconButton } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import type { LineProblem } from "../text/lineProblems";
import { YamlArea } from "../text/YamlArea";
import type { YamlEditor } from "../text/yamlEditor";
import { useEditor, usePipelineId, useSetEditor } from "../state";
import { useStepTypes } from "../stepTypes";
import { useCommands } from "../useCommands";
import { useReadOnly } from "../useReadOnly";
import styles from "./Code.module.css";
import { type CodeDraft, draftOf, keepDraft } from "./drafts";
import { findingsIn, problemsOf } from "./findings";
import { mergeTexts } from "./mergeTexts";
import { linesOfSteps, stepAt } from "./stepLines";
import { type Exported, type LiveYaml, useLiveYaml } from "./useLiveYaml";


export default function CodeView(): ReactNode {
  const id = usePipelineId();
  const live = useLiveYaml(id);
  const types = useStepTypes();
  const readOnly = useReadOnly();
  const { draft, setDraft } = useDraft(id);
  const editor = useRef<YamlEditor | null>(null);
  const [refusal, setRefusal] = useState("");
  const [found, setFound] = useFindings(draft?.text ?? null);
  const text = draft?.text ?? live.exported?.yaml ?? "";
  const onLine = useStepsInView(editor, text, draft !== null);
  const problems = useMemo(() => (draft === null ? [] : [...found, ...draft.conflicts]), [draft, found]);
  const { apply, isApplying } = useApply(id, live, draft, { setDraft, setFound, setRefusal });
  useSaveKey(draft !== null && draft.text !== draft.base.yaml && !isApplying, () => void apply(false));
  return (
    <>
      <Head
        draft={draft}
        exported={live.exported}
        problems={problems}
        isApplying={isApplying}
        onEdit={() => live.exported && setDraft({ text: live.exported.yaml, base: live.exported, conflicts: [] })}
        onApply={() => void apply(false)}
        onDiscard={() => (setDraft(null), setRefusal(""))}
        onProblem={(line) => editor.current?.goTo(line)}
      />
      {draft === null || live.exported === null || live.exported.etag === draft.base.etag ? null : (
        <Behind isBusy={isApplying} onTake={() => setDraft(taken(draft, live.exported as Exported))} onApply={() => void apply(true)} />
      )}
      {refusal === "" && live.error === "" ? null : (
        <p role="alert" className={styles.refusal}>{refusal || `${live.error} What is shown may be out of date.`}</p>
      )}
      {live.exported === null && draft === null ? null : (
        <YamlArea
          label={draft === null ? "Pipeline YAML, read only" : "Pipeline YAML"}
          className={styles.area}
          text={text}
          isEditable={draft !== null}
          isFile
          problems={problems}
          known={{ types, holds: "file" }}
          editor={editor}
          onType={(typed) => draft && setDraft({ ...draft, text: typed, conflicts: [] })}
          onLine={onLine}
          onLeave={() => (document.activeElement as HTMLElement | null)?.blur()}
          onSave={() => draft && draft.text !== draft.base.yaml && !isApplying && readOnly === undefined && void apply(false)}
        />
      )}
    </>
  );
}

/** The key that saves applies what was typed. */
function useSaveKey(isTyped: boolean, apply: () => void): void {
  const set = useSetEditor();
  const readOnly = useReadOnly();
  const latest = useRef(apply);
  latest.current = apply;
  const canApply = isTyped && readOnly === undefined;
  useEffect(() => {
    if (!canApply) return;
    set({ applyCode: () => latest.current() });
    return () => set({ applyCode: null });
  }, [set, canApply]);
}

function useDraft(id: string): { draft: CodeDraft | null; setDraft: (draft: CodeDraft | null) => void } {
  const [draft, setShown] = useState(() => draftOf(id));
  const setDraft = (next: CodeDraft | null): void => {
    keepDraft(id, next);
    setShown(next);
  };
  return { draft, setDraft };
}

const QUIET_MS = 500;
const NONE: readonly LineProblem[] = [];

/** What is wrong with a text, a moment after it was typed. */
function useFindings(text: string | null): [readonly LineProblem[], (found: readonly LineProblem[]) => void] {
  const [found, setFound] = useState(NONE);
  useEffect(() => {
    if (text === null) return setFound(NONE);
    const asking = new AbortController();
    const timer = setTimeout(() => {
      const show = (next: readonly LineProblem[]): void => void (asking.signal.aborted || setFound(next));
      findingsIn(text, asking.signal).then(show, () => undefined);
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [text]);
  return [found, setFound];
}

/**
 * The lines of the selected step are marked and brought into view. Beside the canvas, a click into the lines
 * of a step selects it there, unless they are being edited: then nothing else should move.
 */
function useStepsInView(editor: RefObject<YamlEditor | null>, text: string, isEditing: boolean): (line: number) => void {
  const { pipeline } = useRoom();
  const { jumpTo } = useCommands();
  const isSplit = useEditor(({ view }) => view === "split");
  const [[selected]] = useSelection();
  const read = useDeferredValue(text);
  const lines = useMemo(() => linesOfSteps(read, pipeline.steps()), [read, pipeline]);
  const chosenHere = useRef<string | undefined>(undefined);
  const shown = useRef<string | undefined>(undefined);
  useEffect(() => {
    const found = lines.find(({ id }) => id === selected);
    const isNew = shown.current !== selected;
    shown.current = selected;
    editor.current?.mark(found ?? null, isNew && chosenHere.current !== selected);
    chosenHere.current = undefined;
  }, [editor, lines, selected]);
  return (line) => {
    const step = isSplit && !isEditing ? stepAt(lines, line) : undefined;
    if (step === undefined || step.id === selected) return;
    chosenHere.current = step.id;
    jumpTo(step.id);
  };
}

interface Setters {
  readonly setDraft: (draft: CodeDraft | null) => void;
  readonly setFound: (found: readonly LineProblem[]) => void;
  readonly setRefusal: (refusal: string) => void;
}

/** Applies the draft to the state that it was made of, or over what others have made meanwhile. */
function useApply(id: string, live: LiveYaml, draft: CodeDraft | null, { setDraft, setFound, setRefusal }: Setters): {
  apply: (isOver: boolean) => Promise<void>;
  isApplying: boolean;
} {
  const [isApplying, setApplying] = useState(false);
  const refused = async (error: unknown): Promise<void> => {
    const problems = problemsOf(error);
    if (problems !== null) setFound(problems);
    // Somebody was faster: what is read anew leads to the question above the text.
    else if (error instanceof RestError && error.code === "stale") await live.read();
    else setRefusal(`${sentenceOf(error)} Nothing was applied; your text is kept.`);
  };
  const apply = async (isOver: boolean): Promise<void> => {
    if (draft === null) return;
    setApplying(true);
    setRefusal("");
    try {
      const present = await live.read();
      if (present === null) return;
      if (!isOver && present.etag !== draft.base.etag) return;
      await rest.yaml.apply(id, draft.text, present.etag);
      await live.read();
      setDraft(null);
    } catch (error) {
      await refused(error);
    } finally {
      setApplying(false);
    }
  };
  return { apply, isApplying };
}

/** A draft with what others have changed since it was begun. */
function taken(draft: CodeDraft, theirs: Exported): CodeDraft {
  const { text, conflicts } = mergeTexts(draft.base.yaml, draft.text, theirs.yaml);
  const notes = conflicts.map(({ line, theirs: lines }): LineProblem => {
    const others = lines.length === 0 ? "they have deleted this" : `theirs is\n${lines.join("\n")}`;
    return { severity: "warning", line, message: `Others have changed this, too: yours stays, ${others}` };
  });
  return { text, base: theirs, conflicts: notes };
}

function Behind({ isBusy, onTake, onApply }: { readonly isBusy: boolean; readonly onTake: () => void; readonly onApply: () => void }): ReactNode {
  const busy = isBusy ? "It is being applied" : undefined;
  return (
    <div role="alert" className={styles.behind}>
      <TriangleAlert size={16} aria-hidden="true" />
      <p>Others have changed the pipeline since you began.</p>
      <Button icon={<GitMerge size={14} />} disabledReason={busy} onClick={onTake}>Take theirs in</Button>
      <Button variant="ghost" disabledReason={busy} title="What they have changed is taken back" onClick={onApply}>Apply mine over theirs</Button>
    </div>
  );
}

function Head({ draft, exported, problems, isApplying, onEdit, onApply, onDiscard, onProblem }: {
  readonly draft: CodeDraft | null;
  readonly exported: Exported | null;
  readonly problems: readonly LineProblem[];
  readonly isApplying: boolean;
  readonly onEdit: () => void;
  readonly onApply: () => void;
  readonly onDiscard: () => void;
  readonly onProblem: (line: number) => void;
}): ReactNode {
  const readOnly = useReadOnly();
  const [isAsked, setAsked] = useState(false);
  const isTyped = draft !== null && draft.text !== draft.base.yaml;
  const discard = (): void => (isTyped ? setAsked(true) : onDiscard());
  const nothing = isTyped ? undefined : "Nothing is changed";
  return (
    <header className={styles.head}>
      <h2>YAML</h2>
      <State isEditing={draft !== null} problems={problems} onProblem={onProblem} />
      <CopyAll text={draft?.text ?? exported?.yaml ?? ""} />
      {draft === null ? (
        <Button icon={<Pencil size={14} />} disabledReason={readOnly ?? (exported === null ? "It is being read" : undefined)} onClick={onEdit}>Edit</Button>
      ) : (
        <>
          <Button variant="ghost" onClick={discard}>{isTyped ? "Discard" : "Stop editing"}</Button>
          <Button variant="primary" disabledReason={readOnly ?? (isApplying ? "It is being applied" : nothing)} onClick={onApply}>Apply</Button>
        </>
      )}
      {isAsked ? (
        <Dialog
          title="Discard what you have typed?"
          onClose={() => setAsked(false)}
          actions={
            <>
              <Button onClick={() => setAsked(false)}>Keep editing</Button>
              <Button variant="danger" onClick={() => (setAsked(false), onDiscard())}>Discard</Button>
            </>
          }
        >
          <p>The pipeline stays as it is; your text is gone then.</p>
        </Dialog>
      ) : null}
    </header>
  );
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

function State({ isEditing, problems, onProblem }: {
  readonly isEditing: boolean;
  readonly problems: readonly LineProblem[];
  readonly onProblem: (line: number) => void;
}): ReactNode {
  const errors = problems.filter(({ severity }) => severity === "error");
  const [first] = [...errors, ...problems];
  const words = [errors.length && plural(errors.length, "error"), problems.length - errors.length && plural(problems.length - errors.length, "warning")];
  return (
    <div role="status" className={styles.state} data-wrong={errors.length > 0 || undefined}>
      {!isEditing ? <><i aria-hidden="true" className={styles.live} /> Live, read only</> : first === undefined ? "Editing" : (
        <button type="button" title={`Line ${first.line}: ${first.message}`} onClick={() => onProblem(first.line)}>
          {words.filter(Boolean).join(", ")}
        </button>
      )}
    </div>
  );
}

function CopyAll({ text }: { readonly text: string }): ReactNode {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = (): void => void navigator.clipboard?.writeText(text).then(() => setCopied(true), () => undefined);
  return (
    <IconButton label={isCopied ? "Copied" : "Copy all"} disabledReason={text === "" ? "There is nothing to copy" : undefined} onClick={copy}>
      {isCopied ? <Check size={16} /> : <Copy size={16} />}
    </IconButton>
  );
}
