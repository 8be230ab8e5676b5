/** A keystroke as the table of shortcuts names it: `mod+shift+z`. */

type Stroke = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

export function keyOf(stroke: Stroke): string {
  const key = stroke.key.toLowerCase();
  const isCommand = stroke.ctrlKey || stroke.metaKey;
  const parts = [
    isCommand ? "mod" : "",
    stroke.altKey ? "alt" : "",
    // Of signs such as + and ? the shift key is a part already.
    stroke.shiftKey && /^[a-z0-9]$|^.{2,}$/.test(key) ? "shift" : "",
    key === "=" && isCommand ? "+" : key,
  ];
  return parts.filter(Boolean).join("+");
}

const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable=false])";

const isIn = (target: EventTarget | null, selector: string): boolean => typeof Element !== "undefined" && target instanceof Element && target.closest(selector) !== null;

/** Whether somebody is typing there: what is typed belongs to the field. */
export const isField = (target: EventTarget | null): boolean => isIn(target, FIELDS);

/** Whether something is open there that has keys of its own: a dialog or a menu. */
export const isAbove = (target: EventTarget | null): boolean => isIn(target, "dialog[open], [popover]:popover-open");
