/** Tags as people write them, with commas between them; within the server's limits. */
const MOST = 100;
const LONGEST = 100;

export function tagsIn(text: string): readonly [tags: readonly string[], refusal: string | undefined] {
  const tags = [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
  const long = tags.find((tag) => [...tag].length > LONGEST);
  if (long !== undefined) return [tags, `A tag has at most ${LONGEST} characters: “${long.slice(0, 20)}…” has ${[...long].length}.`];
  return [tags, tags.length > MOST ? `Expected at most ${MOST} tags, got ${tags.length}.` : undefined];
}
