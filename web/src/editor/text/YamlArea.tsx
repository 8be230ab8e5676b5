/** An editor of YAML in a component. This module is loaded with the editor. */
import { type ReactNode, type RefObject, useEffect, useRef } from "react";
import type { LineProblem } from "./lineProblems";
import type { Knowledge } from "./yamlCompletion";
import { YamlEditor } from "./yamlEditor";

const NONE: readonly LineProblem[] = [];

export function YamlArea({ label, text, isEditable, isFile = false, isFocused = false, problems = NONE, known, editor, className, onType, onLine, onLeave, onSave }: {
  readonly label: string;
  /** Shown whenever it is another one than the editor's. */
  readonly text: string;
  readonly isEditable: boolean;
  readonly isFile?: boolean;
  readonly isFocused?: boolean;
  readonly problems?: readonly LineProblem[];
  /** What may be proposed while one types. */
  readonly known?: Knowledge;
  /** Where the editor is put, for those who scroll it. */
  readonly editor?: RefObject<YamlEditor | null>;
  readonly className?: string | undefined;
  readonly onType: (text: string) => void;
  readonly onLine?: (line: number) => void;
  readonly onLeave: () => void;
  readonly onSave?: () => void;
}): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const made = useRef<YamlEditor | null>(null);
  const latest = useRef({ known, onType, onLine, onLeave, onSave });
  latest.current = { known, onType, onLine, onLeave, onSave };
  useEffect(() => {
    const parent = host.current;
    if (parent === null) return;
    const current = new YamlEditor({
      parent,
      text,
      isEditable,
      isFile,
      attributes: { "aria-label": label },
      known: () => latest.current.known ?? null,
      onType: (typed) => latest.current.onType(typed),
      onLine: (line) => latest.current.onLine?.(line),
      onLeave: () => latest.current.onLeave(),
      onSave: () => latest.current.onSave?.(),
    });
    made.current = current;
    if (editor) editor.current = current;
    if (isFocused) current.view.focus();
    return () => {
      made.current = null;
      if (editor) editor.current = null;
      current.destroy();
    };
    // What is made here once is kept up to date below.
  }, []);
  useEffect(() => made.current?.show(text), [text]);
  useEffect(() => made.current?.setEditable(isEditable), [isEditable]);
  useEffect(() => made.current?.setProblems(problems), [problems]);
  return <div ref={host} className={className} />;
}
