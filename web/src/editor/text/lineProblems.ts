/** What is wrong with a text, below the lines where it is. */
import { type EditorState, type Extension, type Range, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, WidgetType } from "@codemirror/view";

export interface LineProblem {
  readonly severity: "error" | "warning";
  /** From 1; beyond the text it is its last line. */
  readonly line: number;
  readonly message: string;
}

/** More than these are counted and not drawn. */
const MOST = 100;

const setProblems = StateEffect.define<readonly LineProblem[]>();

const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, { state, changes, effects }) {
    for (const effect of effects) if (effect.is(setProblems)) return drawn(state, effect.value);
    return value.map(changes);
  },
  provide: (each) => EditorView.decorations.from(each),
});

export const lineProblems: Extension = field;

export function showProblems(view: EditorView, problems: readonly LineProblem[]): void {
  view.dispatch({ effects: setProblems.of(problems) });
}

function drawn(state: EditorState, problems: readonly LineProblem[]): DecorationSet {
  return Decoration.set(problems.slice(0, MOST).flatMap((each) => drawnOne(state, each)), true);
}

function drawnOne(state: EditorState, { severity, line, message }: LineProblem): Range<Decoration>[] {
  const { from, to } = state.doc.line(Math.max(1, Math.min(line, state.doc.lines)));
  const widget = new Message(severity, message);
  return [
    Decoration.line({ class: `cm-line-${severity}` }).range(from),
    Decoration.widget({ widget, block: true, side: 1 }).range(to),
  ];
}

class Message extends WidgetType {
  constructor(
    private readonly severity: string,
    private readonly message: string,
  ) {
    super();
  }

  override eq(other: Message): boolean {
    return this.severity === other.severity && this.message === other.message;
  }

  override toDOM(): HTMLElement {
    const element = document.createElement("p");
    element.className = `cm-problem cm-problem-${this.severity}`;
    element.textContent = this.message;
    return element;
  }
}
