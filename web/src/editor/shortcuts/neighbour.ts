/** The step after the present one, or before it; null beyond the ends. Without a present one the first, or the last. */
export function neighbour(ids: readonly string[], present: string | null, by: 1 | -1): string | null {
  const at = present === null ? -1 : ids.indexOf(present);
  if (at === -1) return ids.at(by === 1 ? 0 : -1) ?? null;
  return at + by < 0 ? null : (ids[at + by] ?? null);
}
