/**
 * Binds an editor to a shared text. y-codemirror.next does the same, but throws inside of Yjs where
 * another client has put a value that is no text into the text; and this one's edits have the origin
 * of the pipeline's verbs, so that one undo takes back both.
 */
import { Annotation, type ChangeSpec, type Extension, Transaction } from "@codemirror/state";
import { type EditorView, type PluginValue, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import type * as Y from "yjs";

/** Stands for a value in the text that is no text: as long as that counts for Yjs. */
const OTHER_VALUE = "\ufffc";

/** Marks what has come from the shared text, and what makes the editor equal to another one. */
const fromText = Annotation.define<true>();
export const textEdit = fromText.of(true);

type Delta = readonly { readonly insert?: unknown; readonly delete?: number; readonly retain?: number }[];

const inserted = (value: unknown): string => (typeof value === "string" ? value : OTHER_VALUE);

/** What an editor shows of a shared text. */
export const shownOf = (text: Y.Text): string =>
  (text.toDelta() as Delta).map(({ insert }) => inserted(insert)).join("");

/** Keep the editor and the text equal from now on; they must be equal already. */
export const boundTo = (text: Y.Text, origin: object): Extension =>
  ViewPlugin.define((view) => new Binding(view, text, origin));

/** Make the editor's text another one by its smallest change, as one that nobody here has made. */
export function showText(view: EditorView, wanted: string): void {
  const change = difference(view.state.doc.toString(), wanted);
  if (change !== null) view.dispatch({ changes: change, annotations: [textEdit, Transaction.addToHistory.of(false)] });
}

/** The one change that makes a text another one; null if they are equal. */
export function difference(present: string, wanted: string): { from: number; to: number; insert: string } | null {
  if (present === wanted) return null;
  const shorter = Math.min(present.length, wanted.length);
  let start = 0;
  while (start < shorter && present[start] === wanted[start]) start++;
  let end = 0;
  while (end < shorter - start && present[present.length - 1 - end] === wanted[wanted.length - 1 - end]) end++;
  return { from: start, to: present.length - end, insert: wanted.slice(start, wanted.length - end) };
}

/** Whether somebody has typed here, and nothing has come from elsewhere. */
export const isOwn = (update: ViewUpdate): boolean =>
  update.docChanged && update.transactions.every((each) => each.annotation(fromText) === undefined);

class Binding implements PluginValue {
  private isWriting = false;

  constructor(
    private readonly view: EditorView,
    private readonly text: Y.Text,
    private readonly origin: object,
  ) {
    text.observe(this.receive);
  }

  update(update: ViewUpdate): void {
    if (!isOwn(update) || this.text.doc === null) return;
    this.isWriting = true;
    try {
      this.text.doc.transact(() => this.write(update), this.origin);
    } finally {
      this.isWriting = false;
    }
  }

  destroy(): void {
    this.text.unobserve(this.receive);
  }

  private write({ changes }: ViewUpdate): void {
    let shift = 0;
    changes.iterChanges((from, to, _from, _to, insert) => {
      const text = insert.sliceString(0, insert.length, "\n");
      if (to > from) this.text.delete(from + shift, to - from);
      if (text !== "") this.text.insert(from + shift, text);
      shift += text.length - (to - from);
    });
  }

  private readonly receive = ({ delta }: Y.YTextEvent): void => {
    if (this.isWriting) return;
    const changes: ChangeSpec[] = [];
    let at = 0;
    for (const { insert, delete: gone = 0, retain = 0 } of delta as Delta) {
      if (insert !== undefined) changes.push({ from: at, insert: inserted(insert) });
      if (gone > 0) changes.push({ from: at, to: at + gone });
      at += gone + retain;
    }
    this.view.dispatch({ changes, annotations: textEdit });
  };
}
