/** What was typed into the code of pipelines and not applied: it outlives the view, and is asked about before the page is left. */
import type { LineProblem } from "../text/lineProblems";
import type { Exported } from "./useLiveYaml";

export interface CodeDraft {
  readonly text: string;
  /** What the text was made of. */
  readonly base: Exported;
  /** Where others changed the same lines, when their changes were taken in. */
  readonly conflicts: readonly LineProblem[];
}

const drafts = new Map<string, CodeDraft>();

const ask = (event: BeforeUnloadEvent): void => event.preventDefault();

export const draftOf = (id: string): CodeDraft | null => drafts.get(id) ?? null;

export function keepDraft(id: string, draft: CodeDraft | null): void {
  if (draft === null) drafts.delete(id);
  else drafts.set(id, draft);
  const isTyped = [...drafts.values()].some(({ text, base }) => text !== base.yaml);
  if (isTyped) window.addEventListener("beforeunload", ask);
  else window.removeEventListener("beforeunload", ask);
}
