/**
 * The carets and selections of others in a shared text. Colours are classes: y-codemirror.next writes
 * attributes for styles, which the content security policy refuses.
 */
import { type Extension, type Range, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, type PluginValue, ViewPlugin, type ViewUpdate, WidgetType } from "@codemirror/view";
import { indexesIn, type Other, type Room } from "pipeloom-client";
import type * as Y from "yjs";
import { personNumber } from "../../theme/people";

/** For how long a name stands beside a caret that has moved. */
const NAMED_MS = 2000;

const setCarets = StateEffect.define<DecorationSet>();

const carets = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, { changes, effects }) {
    for (const effect of effects) if (effect.is(setCarets)) return effect.value;
    return value.map(changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

export const othersCarets = (room: Room, text: Y.Text): Extension => [
  carets,
  ViewPlugin.define((view) => new Carets(view, room, text)),
];

interface Seen {
  range: string;
  movedAt: number;
}

class Carets implements PluginValue {
  private frame = 0;
  private fading = 0;
  private isDrawn = false;
  private readonly seen = new Map<number, Seen>();
  private readonly stop: () => void;

  constructor(
    private readonly view: EditorView,
    private readonly room: Room,
    private readonly text: Y.Text,
  ) {
    this.stop = room.subscribe(this.request);
    this.request();
  }

  update({ docChanged }: ViewUpdate): void {
    if (docChanged && this.isDrawn) this.request();
  }

  destroy(): void {
    this.stop();
    clearTimeout(this.fading);
    cancelAnimationFrame(this.frame);
  }

  private readonly request = (): void => void (this.frame ||= requestAnimationFrame(this.draw));

  private readonly draw = (): void => {
    this.frame = 0;
    const drawn = this.room.others().flatMap((other) => this.drawn(other));
    if (drawn.length === 0 && !this.isDrawn) return;
    this.isDrawn = drawn.length > 0;
    this.view.dispatch({ effects: setCarets.of(Decoration.set(drawn, true)) });
    this.view.requestMeasure({ key: this, read: atEdge, write: turnAround });
    clearTimeout(this.fading);
    if (this.isDrawn) this.fading = window.setTimeout(this.request, NAMED_MS);
  };

  private drawn({ clientId, user, field }: Other): Range<Decoration>[] {
    const places = field?.range ? indexesIn(this.text, field.range) : null;
    if (places === null) return [];
    const length = this.view.state.doc.length;
    const [anchor, head] = [Math.min(places.anchor, length), Math.min(places.head, length)];
    const isFirst = this.view.state.doc.lineAt(head).number === 1;
    const widget = new Caret(user.name, personNumber(user.id), this.isNamed(clientId, JSON.stringify(field?.range)), isFirst);
    const caret = Decoration.widget({ widget, side: head > anchor ? -1 : 1 }).range(head);
    if (anchor === head) return [caret];
    const marked = Decoration.mark({ class: `cm-others person-${personNumber(user.id)}` });
    return [marked.range(Math.min(anchor, head), Math.max(anchor, head)), caret];
  }

  private isNamed(clientId: number, range: string): boolean {
    const now = performance.now();
    const known = this.seen.get(clientId);
    if (known?.range !== range) this.seen.set(clientId, { range, movedAt: now });
    return known?.range !== range || now - known.movedAt < NAMED_MS - 20;
  }
}

/** The carets whose names would not fit to their right. */
function atEdge({ scrollDOM, contentDOM }: EditorView): Map<Element, boolean> {
  const { right } = scrollDOM.getBoundingClientRect();
  return new Map(
    Array.from(contentDOM.querySelectorAll(".cm-caret"), (caret) => {
      const width = (caret.firstElementChild as HTMLElement | null)?.offsetWidth ?? 0;
      return [caret, caret.getBoundingClientRect().left + width > right] as const;
    }),
  );
}

function turnAround(edges: Map<Element, boolean>): void {
  for (const [caret, isAtEdge] of edges) caret.classList.toggle("cm-atEdge", isAtEdge);
}

class Caret extends WidgetType {
  constructor(
    private readonly name: string,
    private readonly person: number,
    private readonly isNamed: boolean,
    private readonly isOnFirstLine: boolean,
  ) {
    super();
  }

  override eq(other: Caret): boolean {
    return this.className() === other.className() && this.name === other.name;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement("span");
    const name = document.createElement("span");
    caret.ariaHidden = "true";
    caret.append(name);
    this.updateDOM(caret);
    return caret;
  }

  override updateDOM(caret: HTMLElement): boolean {
    caret.className = this.className();
    // Drawn by the style sheet: it is no part of the text, not even for who copies it.
    caret.firstElementChild?.setAttribute("data-name", this.name);
    return true;
  }

  override ignoreEvent(): boolean {
    return true;
  }

  private className(): string {
    const states = [this.isNamed ? "cm-named" : "", this.isOnFirstLine ? "cm-onFirstLine" : ""];
    return ["cm-caret", `person-${this.person}`, ...states].filter(Boolean).join(" ");
  }
}
