/** What somebody has typed for a field before it was there. */

export interface TypedAhead {
  /** The text of the field. */
  readonly sought: string;
  /** How far down the list, by arrows and Tab, after the last sign. */
  readonly by: number;
  /** Whether Enter has chosen; what came after that is for nobody. */
  readonly isChosen: boolean;
}

/** Keys as events name them; Shift with Tab as `shift+Tab`. */
export function typedAhead(keys: readonly string[]): TypedAhead {
  let [sought, by] = ["", 0];
  for (const key of keys) {
    if (key === "Enter") return { sought, by, isChosen: true };
    if (key === "Backspace" || [...key].length === 1) [sought, by] = [key === "Backspace" ? [...sought].slice(0, -1).join("") : sought + key, 0];
    by += MOVES.get(key) ?? 0;
  }
  return { sought, by, isChosen: false };
}

const MOVES = new Map([["Tab", 1], ["ArrowDown", 1], ["shift+Tab", -1], ["ArrowUp", -1]]);
