/** Selections in shared texts, in a form that stays true while others edit the text. */
import * as Y from "yjs";
import type { JsonObject } from "./values.js";

/** Where a selection begins and where its caret is: Yjs relative positions as JSON. */
export interface TextRange {
  readonly anchor: JsonObject;
  readonly head: JsonObject;
}

/** Return a range of a shared text, to be shown to others; `anchor` and `head` count UTF-16 units. */
export function rangeIn(text: Y.Text, anchor: number, head: number): TextRange {
  const [from, to] = [anchor, head].map((index) => {
    return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index)) as JsonObject;
  });
  return { anchor: from, head: to } as TextRange;
}

/** Return where a range is in a shared text now; null if it is in another text, or is none. */
export function indexesIn(text: Y.Text, range: TextRange): { readonly anchor: number; readonly head: number } | null {
  const [anchor, head] = [indexOf(text, range.anchor), indexOf(text, range.head)];
  return anchor === null || head === null ? null : { anchor, head };
}

function indexOf(text: Y.Text, position: JsonObject): number | null {
  if (text.doc === null) return null;
  try {
    const relative = Y.createRelativePositionFromJSON(position);
    const found = Y.createAbsolutePositionFromRelativePosition(relative, text.doc);
    return found?.type === text ? found.index : null;
  } catch {
    // Another client has sent it, and Yjs expects what it wrote itself.
    return null;
  }
}
