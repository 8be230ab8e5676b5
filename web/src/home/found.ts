/** Which parts of a text a search has found, to be marked. */

export interface TextPart {
  readonly text: string;
  readonly isFound: boolean;
}

/**
 * A search looks for whole words, whatever their endings, and for what begins as its last word does. Marked is
 * what can be seen of that: beginnings of words, without regard to case.
 */
export function partsOf(text: string, sought: string): readonly TextPart[] {
  const words = sought.match(/[\p{L}\p{N}]+/gu)?.slice(0, MOST_WORDS) ?? [];
  if (words.length === 0) return [{ text, isFound: false }];
  // The longest first: of `gene` and `genesis` the whole word is marked.
  const beginnings = [...words].sort((a, b) => b.length - a.length).join("|");
  const found = new RegExp(`(?<![\\p{L}\\p{N}])(${beginnings})`, "iu");
  return text.split(found).flatMap((part, at) => (part === "" ? [] : [{ text: part, isFound: at % 2 === 1 }]));
}

const MOST_WORDS = 20;
