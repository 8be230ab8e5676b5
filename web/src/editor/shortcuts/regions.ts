/** The regions of the editor, between which F6 jumps: whoever comes back is where they were. */

const ORDER = ["topbar", "library", "canvas", "dock", "code", "properties", "problems"] as const;

export type Region = (typeof ORDER)[number];

const FOCUSABLE = "button, a[href], input, select, textarea, [tabindex], [contenteditable=true]";

/** Where the focus was last in each region. */
const last = new Map<string, HTMLElement>();

const regionOf = (element: Element | null): string | undefined => element?.closest<HTMLElement>("[data-region]")?.dataset["region"];

export function rememberFocus(): () => void {
  const note = ({ target }: FocusEvent): void => {
    const region = target instanceof HTMLElement ? regionOf(target) : undefined;
    if (region !== undefined) last.set(region, target as HTMLElement);
  };
  document.addEventListener("focusin", note);
  return () => {
    document.removeEventListener("focusin", note);
    last.clear();
  };
}

export const elementOf = (region: Region): HTMLElement | null => document.querySelector<HTMLElement>(`[data-region=${region}]`);

const isSeen = (element: HTMLElement | null | undefined): boolean => element !== null && element !== undefined && element.isConnected && element.checkVisibility({ visibilityProperty: true });

/** Where the focus goes in a region; null if it is not shown, or holds nothing to focus. */
function placeIn(region: Region): HTMLElement | null {
  const element = elementOf(region);
  if (element === null || !isSeen(element)) return null;
  const known = last.get(region);
  if (known && element.contains(known) && isSeen(known)) return known;
  if (region === "canvas") return element.querySelector<HTMLElement>(".react-flow__node.selected") ?? element;
  const first = [...element.querySelectorAll<HTMLElement>(FOCUSABLE)].find((each) => each.tabIndex >= 0 && isSeen(each));
  // What is in it may still be loaded.
  return first ?? (element.hasAttribute("tabindex") ? element : null);
}

/** Focus a region; whether that was possible. */
export function enter(region: Region): boolean {
  const place = placeIn(region);
  place?.focus({ preventScroll: region === "canvas" });
  return place !== null;
}

/** Focus the next region that is shown, or the one before, around the end. */
export function jump(by: 1 | -1): boolean {
  const now = ORDER.indexOf((regionOf(document.activeElement) ?? "") as Region);
  const start = now === -1 && by === -1 ? 0 : now;
  const others = ORDER.map((_, at) => ORDER[(start + by * (at + 1) + 2 * ORDER.length) % ORDER.length] as Region);
  return others.slice(0, ORDER.length - (now === -1 ? 0 : 1)).some(enter);
}
