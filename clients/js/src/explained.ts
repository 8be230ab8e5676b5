/** What diagnostics mean, in words: a module of its own, since only pages that show them need it. */
import type { Diagnostic } from "./entries.js";
import { EXPLANATIONS } from "./explanations.js";

export interface ExplainedDiagnostic extends Diagnostic {
  /** What is the matter. */
  readonly message: string;
  /** What to do about it. */
  readonly suggestion: string;
}

/** Return a diagnostic with its words; those that the server has found bring their own. */
export function explained(diagnostic: Diagnostic): ExplainedDiagnostic {
  const words: Readonly<Record<string, { readonly message: string; readonly suggestion: string }>> = EXPLANATIONS;
  return { message: diagnostic.code, suggestion: "", ...words[diagnostic.code], ...diagnostic };
}
