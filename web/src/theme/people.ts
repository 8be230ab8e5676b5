/** The colour of a person: one of eight, by a hash of the user's id, equal in every window. */

export const PERSON_COLORS = 8;

/** A number from 1 to 8, by FNV-1a of the id. */
export function personNumber(userId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < userId.length; at++) hash = Math.imul(hash ^ userId.charCodeAt(at), 0x01000193);
  return ((hash >>> 0) % PERSON_COLORS) + 1;
}

/** A CSS colour; what is written on it has `var(--on-person)`. */
export const personColor = (userId: string): string => `var(--person-${personNumber(userId)})`;

/** Up to two letters for an avatar. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  const found = letters.map((word) => [...(word ?? "")][0] ?? "").join("");
  return found.toUpperCase() || "?";
}
