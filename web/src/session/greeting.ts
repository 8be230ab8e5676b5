/** A sentence for the lists that are shown next. */

let waiting: string | undefined;

export const greet = (sentence: string): void => void (waiting = sentence);

/** The sentence, once. */
export function takeGreeting(): string | undefined {
  const sentence = waiting;
  waiting = undefined;
  return sentence;
}
