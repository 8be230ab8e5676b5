/** `{{…}}` in a text: set off, one that names no step underlined, and completed while it is typed. */
import { autocompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import type { Extension } from "@codemirror/state";
import { Decoration, type EditorView, MatchDecorator, ViewPlugin, type ViewUpdate } from "@codemirror/view";

/** What may stand between the braces. */
export interface Reference {
  /** `steps.review.result`, or the name of a variable. */
  readonly text: string;
  /** What it is, in a few words. */
  readonly detail: string;
}

/** Asked for anew whenever something is completed, and for the names when something is drawn. */
export interface References {
  readonly all: () => readonly Reference[];
  readonly hasStep: (name: string) => boolean;
}

const TEMPLATE = /\{\{[^{}\n]*\}\}/g;
const STEP = /\bsteps\.([\p{L}\p{N}_-]+)/u;

export function references(known: References): Extension {
  return [highlighted(known), autocompletion({ override: [completing(known)], icons: false, maxRenderedOptions: 50 })];
}

const REFERENCE = Decoration.mark({ class: "cm-reference" });

function highlighted({ hasStep }: References): Extension {
  const unknown = (name: string): Decoration =>
    Decoration.mark({ class: "cm-reference cm-unknown", attributes: { title: `No step is called ${name}` } });
  const decorator = new MatchDecorator({
    regexp: TEMPLATE,
    decoration: ([text]) => {
      const name = STEP.exec(text)?.[1];
      return name === undefined || hasStep(name) ? REFERENCE : unknown(name);
    },
  });
  return ViewPlugin.define(
    (view) => ({
      marks: decorator.createDeco(view),
      update(update: ViewUpdate) {
        this.marks = decorator.updateDeco(update, this.marks);
      },
    }),
    { decorations: ({ marks }) => marks },
  );
}

const completing = ({ all }: References) => (context: CompletionContext): CompletionResult | null => {
  const before = context.matchBefore(/\{\{\s*[^{}\s]*/);
  if (before === null) return null;
  const from = before.from + (/^\{\{\s*/.exec(before.text)?.[0].length ?? 0);
  return { from, options: all().map(option), validFor: /^[^{}\s]*$/ };
};

const option = ({ text, detail }: Reference): Completion => ({ label: text, detail, apply });

/** Write the reference and the braces after it, unless these stand there already. */
function apply(view: EditorView, { label }: Completion, from: number, to: number): void {
  const after = view.state.sliceDoc(to, to + 3);
  const closing = /^\s?\}\}/.exec(after)?.[0];
  const insert = label + (closing === undefined ? "}}" : "");
  const caret = from + label.length + (closing?.length ?? 2);
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: caret }, userEvent: "input.complete" });
}
