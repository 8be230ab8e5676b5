/** Lists of REST for hooks. */
import type { Room } from "../room.js";

/** The longest page that the server gives. */
const PAGE = 200;

/** Read a list from its first page on, up to so many items; null if that fails. */
export async function readList<T>(room: Pick<Room, "request">, path: string, most: number): Promise<readonly T[] | null> {
  const items: T[] = [];
  let next = "";
  do {
    const answer = await room.request(`${path}?limit=${PAGE}${next}`).catch(() => null);
    if (!answer?.ok) return null;
    const page = (await answer.json()) as { readonly items: readonly T[]; readonly next_cursor: string | null };
    items.push(...page.items);
    next = page.next_cursor === null ? "" : `&cursor=${encodeURIComponent(page.next_cursor)}`;
  } while (next !== "" && items.length < most);
  return items;
}

/** Return a function that reads anew; calls while it reads lead to one more reading afterwards. */
export function coalesced(read: () => Promise<void>): () => void {
  let [isReading, isStale] = [false, false];
  return async () => {
    isStale = true;
    if (isReading) return;
    isReading = true;
    while (isStale) {
      isStale = false;
      await read();
    }
    isReading = false;
  };
}
