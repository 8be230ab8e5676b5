/** What the others see of the field in which this window's user is: which one, and whether it is typed in. */
import type { EditedField, Path, Room } from "pipeloom-client";

const SEND_MS = 50;
const TYPING_MS = 1500;

/** One field that has the focus; `leave` when it has lost it. */
export class OwnField {
  private sending = 0;
  private resting = 0;
  private next: EditedField;

  constructor(
    private readonly room: Room,
    step: string,
    path: Path,
  ) {
    this.next = { step, path, typing: false, range: null };
    this.send();
  }

  /** Something was typed, and perhaps selected. */
  typed(range: EditedField["range"] = this.next.range): void {
    clearTimeout(this.resting);
    this.resting = window.setTimeout(() => this.show({ typing: false }), TYPING_MS);
    this.show({ typing: true, range });
  }

  selected(range: EditedField["range"]): void {
    this.show({ range });
  }

  /** The same field is elsewhere now: a part before it has come or gone. */
  moved(path: Path): void {
    if (String(path) !== String(this.next.path)) this.show({ path });
  }

  leave(): void {
    clearTimeout(this.resting);
    clearTimeout(this.sending);
    const shown = this.room.awareness.getLocalState()?.["field"];
    // Another field may have got the focus before this one has learned that it lost it.
    if (shown === this.shown) this.room.setPresence({ field: null });
  }

  private shown: EditedField | null = null;

  private show(changes: Partial<EditedField>): void {
    this.next = { ...this.next, ...changes };
    this.sending ||= window.setTimeout(() => this.send(), SEND_MS);
  }

  private send(): void {
    this.sending = 0;
    this.shown = this.next;
    this.room.setPresence({ field: this.next });
  }
}
