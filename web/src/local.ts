/**
 * What this browser keeps for the page. In a frame of another site browsers deny it, by an error at the
 * mere name; then it lasts as long as the page.
 */
type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export function inMemory(): Kept {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

function found(storage: () => Kept): Kept {
  try {
    return storage();
  } catch {
    return inMemory();
  }
}

export const local: Kept = found(() => localStorage);

/** What lasts as long as this window. */
export const ofWindow: Kept = found(() => sessionStorage);
