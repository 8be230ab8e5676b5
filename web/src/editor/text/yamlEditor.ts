/** The editor of YAML; with what reads YAML a chunk of its own. */
import { history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { codeFolding, foldGutter, foldKeymap, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { type Extension, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { Editable, newEditor, type Surroundings } from "./base";
import { isOwn, showText } from "./binding";
import { type LineProblem, lineProblems, showProblems } from "./lineProblems";
import { type Knowledge, yamlCompletion } from "./yamlCompletion";

export interface YamlEditorOptions extends Surroundings {
  readonly text: string;
  readonly isEditable: boolean;
  /** A file has numbers of lines and folds. */
  readonly isFile?: boolean;
  /** What may be proposed, now; null for nothing. */
  readonly known?: () => Knowledge | null;
  /** Somebody has typed. */
  readonly onType: (text: string) => void;
  /** The caret was put into another line, by somebody and not by the page. */
  readonly onLine?: (line: number) => void;
}

/** Colours of YAML, by the tokens of the page. */
const SYNTAX = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--accent-text)" },
  { tag: [tags.comment, tags.meta], color: "var(--text-3)" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace], color: "var(--text-3)" },
  { tag: [tags.labelName, tags.typeName, tags.keyword], color: "var(--warn)" },
]);

const markLines = StateEffect.define<{ readonly from: number; readonly to: number } | null>();
const STEP = Decoration.line({ class: "cm-step" });

const marked = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, { state, changes, effects }) {
    for (const effect of effects) {
      if (!effect.is(markLines)) continue;
      if (effect.value === null) return Decoration.none;
      const { from, to } = effect.value;
      const lines = Array.from({ length: Math.max(0, Math.min(to, state.doc.lines) - from + 1) }, (_, at) => state.doc.line(from + at));
      return RangeSet.of(lines.map((line) => STEP.range(line.from)));
    }
    return value.map(changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function foldMarker(isOpen: boolean): HTMLElement {
  const marker = document.createElement("span");
  marker.className = isOpen ? "cm-foldable" : "cm-folded";
  marker.textContent = isOpen ? "▾" : "▸";
  marker.title = isOpen ? "Fold" : "Unfold";
  return marker;
}

const FILE: Extension = [lineNumbers(), codeFolding(), foldGutter({ markerDOM: foldMarker }), highlightActiveLine(), keymap.of(foldKeymap), marked];

export class YamlEditor {
  readonly view: EditorView;
  private readonly editable: Editable;

  constructor(options: YamlEditorOptions) {
    this.editable = new Editable(options.isEditable, options.isFile);
    this.view = newEditor(options.text, options, [
      yaml(),
      syntaxHighlighting(SYNTAX),
      history(),
      search({ top: true }),
      highlightSelectionMatches(),
      lineProblems,
      options.known ? yamlCompletion(options.known) : [],
      options.isFile ? FILE : [],
      keymap.of([...searchKeymap, ...historyKeymap]),
      this.editable.extension,
      EditorView.updateListener.of((update) => {
        if (isOwn(update)) options.onType(this.text());
        const isByHand = update.selectionSet && update.transactions.some((each) => each.isUserEvent("select"));
        if (isByHand) options.onLine?.(update.state.doc.lineAt(update.state.selection.main.head).number);
      }),
    ]);
  }

  text(): string {
    return this.view.state.doc.toString();
  }

  /** Show another text, changed as little as possible, so that nothing scrolls away. */
  show(text: string): void {
    showText(this.view, text);
  }

  setEditable(isEditable: boolean): void {
    this.editable.set(this.view, isEditable);
  }

  setProblems(problems: readonly LineProblem[]): void {
    showProblems(this.view, problems);
  }

  /** Mark lines, from 1, and bring the first of them into view unless it is there. */
  mark(lines: { readonly from: number; readonly to: number } | null, isToScroll = true): void {
    const { doc } = this.view.state;
    const scroll = lines !== null && isToScroll && lines.from <= doc.lines ? [EditorView.scrollIntoView(doc.line(lines.from).from, { y: "start", yMargin: 60 })] : [];
    this.view.dispatch({ effects: [markLines.of(lines), ...scroll] });
  }

  /** Put the caret into a line and the focus into the editor. */
  goTo(line: number): void {
    const { doc } = this.view.state;
    const { from } = doc.line(Math.max(1, Math.min(line, doc.lines)));
    this.view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    this.view.focus();
  }

  destroy(): void {
    this.view.destroy();
  }
}
