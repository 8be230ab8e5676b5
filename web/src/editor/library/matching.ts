/** Which types a search finds: all words, in the name, the type or the description. */

interface Named {
  readonly type: string;
  readonly title: string;
  readonly description: string;
}

export function matching<T extends Named>(types: readonly T[], sought: string): readonly T[] {
  const words = sought.toLowerCase().split(/\s+/u).filter(Boolean);
  return types.filter(({ type, title, description }) => {
    const text = `${type} ${title} ${description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
