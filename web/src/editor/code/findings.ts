/** What is wrong with a file: its syntax at once, all the rest by the server, which alone knows what it takes. */
import { RestError } from "pipeloom-client/rest";
import { LineCounter, parseDocument } from "yaml";
import { rest, sentenceOf } from "../../session/rest";
import type { LineProblem } from "../text/lineProblems";

/** Larger texts are read by the server only: here they would hold up the typing. */
const LARGEST = 100_000;

export async function findingsIn(text: string, signal: AbortSignal): Promise<readonly LineProblem[]> {
  const wrong = text.length > LARGEST ? [] : syntaxIn(text);
  if (wrong.length > 0) return wrong;
  try {
    const { findings } = await rest.yaml.validate(text, { signal });
    return findings.map(({ severity, message, line }) => ({ severity, message: sentenceOf(message), line }));
  } catch (error) {
    return problemsOf(error) ?? [];
  }
}

function syntaxIn(text: string): LineProblem[] {
  const lines = new LineCounter();
  const { errors } = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, merge: true });
  // The others mostly follow from the first one.
  return errors.slice(0, 1).map(({ message, pos: [at] }) => ({ severity: "error", message: sentenceOf(message), line: lines.linePos(at).line || 1 }));
}

/** The lines at which the server cannot read a file; null if that is not what it refuses. */
export function problemsOf(error: unknown): readonly LineProblem[] | null {
  const errors = error instanceof RestError && error.code === "invalid_file" ? error.problem?.errors : null;
  return errors ? errors.map(({ detail, line }) => ({ severity: "error", message: sentenceOf(detail), line: line ?? 1 })) : null;
}
