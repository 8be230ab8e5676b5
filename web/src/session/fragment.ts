/** The fragment of an address, `#token=…&invitation=…`, which browsers send to no server. */

/** What a fragment has under a name, null for nothing, and the fragment without it. */
export function takenFrom(hash: string, name: string): readonly [value: string | null, rest: string] {
  const fragment = new URLSearchParams(hash.slice(1));
  const value = fragment.get(name);
  if (value === null) return [null, hash];
  fragment.delete(name);
  return [value, fragment.size > 0 ? `#${fragment}` : ""];
}

/** The same of this page's address, where it stays in no history or bookmark then. */
export function takeFromAddress(name: string): string | null {
  const [value, rest] = takenFrom(location.hash, name);
  if (value !== null) history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  return value;
}
