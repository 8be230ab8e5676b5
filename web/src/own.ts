/** What a table has under a word that others have written: not what every object inherits, as `constructor` is. */
export const own = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined => (Object.hasOwn(table, word) ? table[word] : undefined);
