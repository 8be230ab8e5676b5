/** What every editor of text here has: the page's look, one undo for all edits, a way out by Escape. */
import { defaultKeymap } from "@codemirror/commands";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { theme } from "./theme";

export interface Surroundings {
  readonly parent: HTMLElement;
  /** Attributes of the element in which one types: its name and what describes it. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly placeholder?: string;
  readonly undo?: () => void;
  readonly redo?: () => void;
  /** Escape was pressed. */
  readonly onLeave: () => void;
  /** Ctrl or Cmd and S was pressed: the browser would save the page. */
  readonly onSave?: () => void;
}

const nonce = document.querySelector<HTMLMetaElement>("meta[name=style-nonce]")?.content ?? "";

export function newEditor(doc: string, around: Surroundings, extensions: readonly Extension[]): EditorView {
  const state = EditorState.create({ doc, extensions: [extensions, base(around)] });
  return new EditorView({ parent: around.parent, state });
}

function base({ attributes, placeholder: hint = "", undo, redo, onLeave, onSave }: Surroundings): Extension {
  const done = (command: () => void) => ({ run: () => (command(), true), preventDefault: true });
  const undoing = undo && redo ? [{ key: "Mod-z", ...done(undo) }, { key: "Mod-y", ...done(redo) }, { key: "Mod-Shift-z", ...done(redo) }] : [];
  return [
    EditorView.cspNonce.of(nonce),
    // Yjs counts a carriage return as a character: so the editor has to keep it as one.
    EditorState.lineSeparator.of("\n"),
    EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, "\n")),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ tabindex: "0", ...attributes }),
    hint === "" ? [] : placeholder(hint),
    keymap.of([{ key: "Escape", ...done(onLeave) }, { key: "Mod-s", ...done(() => onSave?.()) }, ...undoing, ...defaultKeymap]),
    theme,
  ];
}

/** Whether one may type, to be changed while the editor is there. */
export class Editable {
  private readonly compartment = new Compartment();
  readonly extension: Extension;

  /** `hasCaret`: one moves about with the arrows also while one may not type. */
  constructor(
    isEditable: boolean,
    private readonly hasCaret = false,
  ) {
    this.extension = this.compartment.of(editable(isEditable, hasCaret));
  }

  set(view: EditorView, isEditable: boolean): void {
    if (view.state.readOnly === isEditable) view.dispatch({ effects: this.compartment.reconfigure(editable(isEditable, this.hasCaret)) });
  }
}

/** What is read only can still have the focus, so that its text can be selected and read by keyboard. */
const editable = (isEditable: boolean, hasCaret: boolean): Extension =>
  isEditable
    ? []
    : [EditorState.readOnly.of(true), EditorView.editable.of(hasCaret), EditorView.contentAttributes.of({ "aria-readonly": "true" })];
