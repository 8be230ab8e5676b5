/** What the canvas needs once somebody edits: loaded after the first paint, while nobody waits for it. */

/** Adding steps, and moving them between lists. */
export const structure = (): Promise<typeof import("./structure")> => import("./structure");

type Rules = typeof import("./connectionRules");

let rules: Rules | undefined;

/** Which steps may be connected; undefined until it has come. */
export const connectionRules = (): Rules | undefined => rules;

export async function loadLater(): Promise<void> {
  const [found] = await Promise.all([import("./connectionRules"), structure()]);
  rules = found;
}
