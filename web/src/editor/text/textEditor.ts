/** The editor of one shared text; a chunk of its own, loaded when the first such text is shown. */
import { Compartment, type Extension } from "@codemirror/state";
import { EditorView, type ViewUpdate } from "@codemirror/view";
import { type EditedField, type Path, rangeIn, type Room } from "pipeloom-client";
import type * as Y from "yjs";
import { Editable, newEditor, type Surroundings } from "./base";
import { boundTo, difference, isOwn, shownOf, textEdit } from "./binding";
import { othersCarets } from "./carets";
import { OwnField } from "./ownField";
import { type References, references } from "./references";

/** The text as it is in the document now. */
export interface TextSource {
  /** Null where there is none yet: then `create` is called with what somebody types. */
  readonly text: () => Y.Text | null;
  /** What stands there instead of a shared text. */
  readonly plain: () => string;
  readonly create: (value: string) => void;
}

export interface TextEditorOptions extends Surroundings {
  readonly room: Room;
  readonly step: string;
  readonly path: Path;
  readonly source: TextSource;
  readonly isEditable: boolean;
  readonly references: References;
}

export class TextEditor {
  private readonly view: EditorView;
  private readonly binding = new Compartment();
  private readonly editable: Editable;
  private bound: Y.Text | null;
  private own: OwnField | null = null;
  private path: Path;
  private looking = 0;

  constructor(private readonly options: TextEditorOptions) {
    const { source, isEditable } = options;
    this.path = options.path;
    this.bound = source.text();
    this.editable = new Editable(isEditable);
    this.view = newEditor(this.shown(), options, [
      this.binding.of(this.bindingTo(this.bound)),
      this.editable.extension,
      references(options.references),
      EditorView.updateListener.of(this.updated),
    ]);
    options.room.doc.on("afterTransaction", this.look);
  }

  /** Another text may stand there now, or this one elsewhere. */
  refresh(path: Path): void {
    this.path = path;
    this.own?.moved(["config", ...path]);
    const text = this.options.source.text();
    const isOther = text !== this.bound;
    this.bound = text;
    const change = isOther || text === null ? difference(this.view.state.doc.toString(), this.shown()) : null;
    if (!isOther && change === null) return;
    const effects = isOther ? this.binding.reconfigure(this.bindingTo(text)) : [];
    this.view.dispatch({ ...(change && { changes: change }), effects, annotations: textEdit });
  }

  setEditable(isEditable: boolean): void {
    this.editable.set(this.view, isEditable);
  }

  focus(): void {
    this.view.focus();
  }

  destroy(): void {
    this.own?.leave();
    this.options.room.doc.off("afterTransaction", this.look);
    cancelAnimationFrame(this.looking);
    this.view.destroy();
  }

  // Not at once: until the form is drawn anew, the path may be that of a neighbour.
  private readonly look = (): void => {
    this.looking ||= requestAnimationFrame(() => {
      this.looking = 0;
      this.refresh(this.path);
    });
  };

  private shown(): string {
    return this.bound === null ? this.options.source.plain() : shownOf(this.bound);
  }

  private bindingTo(text: Y.Text | null): Extension {
    const { room } = this.options;
    return text === null ? [] : [boundTo(text, room.pipeline.origin), othersCarets(room, text)];
  }

  private readonly updated = (update: ViewUpdate): void => {
    if (update.focusChanged) this.focused(update.view.hasFocus);
    const isTyped = isOwn(update);
    if (isTyped && this.bound === null) this.create();
    if (isTyped) this.own?.typed(this.range());
    else if (update.selectionSet || update.docChanged || update.focusChanged) this.own?.selected(this.range());
  };

  private focused(hasFocus: boolean): void {
    this.own?.leave();
    this.own = hasFocus ? new OwnField(this.options.room, this.options.step, ["config", ...this.path]) : null;
  }

  private create(): void {
    this.options.source.create(this.view.state.doc.toString());
    queueMicrotask(() => this.refresh(this.path));
  }

  private range(): EditedField["range"] {
    const { anchor, head } = this.view.state.selection.main;
    return this.bound === null ? null : rangeIn(this.bound, anchor, head);
  }
}
