/** Merges what two have made of one text, line by line. */
import { diff3Merge } from "node-diff3";

export interface Merged {
  readonly text: string;
  /** Where both changed the same lines: mine stand there, theirs are here. */
  readonly conflicts: readonly Conflict[];
}

export interface Conflict {
  /** From 1, in the merged text. */
  readonly line: number;
  readonly theirs: readonly string[];
}

export function mergeTexts(base: string, mine: string, theirs: string): Merged {
  const [a, o, b] = [mine, base, theirs].map((text) => text.split("\n")) as [string[], string[], string[]];
  const lines: string[] = [];
  const conflicts: Conflict[] = [];
  for (const region of diff3Merge<string>(a, o, b, { excludeFalseConflicts: true })) {
    if (region.ok) lines.push(...region.ok);
    else if (region.conflict) {
      conflicts.push({ line: lines.length + 1, theirs: region.conflict.b });
      lines.push(...region.conflict.a);
    }
  }
  return { text: lines.join("\n"), conflicts };
}
