/** A keystroke as the table of shortcuts names it: `mod+shift+z`. */

type Stroke = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey" | "target">;

/** Nothing while somebody is typing: what is typed belongs to the field. */
export function keyOf(stroke: Stroke): string {
  if (isTyping(stroke.target)) return "";
  const key = stroke.key.toLowerCase();
  const parts = [
    stroke.ctrlKey || stroke.metaKey ? "mod" : "",
    stroke.altKey ? "alt" : "",
    // Of signs such as + and ? the shift key is a part already.
    stroke.shiftKey && /^[a-z0-9]$|^.{2,}$/.test(key) ? "shift" : "",
    key === "=" && (stroke.ctrlKey || stroke.metaKey) ? "+" : key,
  ];
  return parts.filter(Boolean).join("+");
}

function isTyping(target: EventTarget | null): boolean {
  if (typeof Element === "undefined" || !(target instanceof Element)) return false;
  return target.closest("input, textarea, select, [contenteditable]:not([contenteditable=false]), dialog[open], [popover]:popover-open") !== null;
}
