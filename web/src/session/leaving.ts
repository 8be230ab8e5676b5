/** Addresses of this page are left through here, so that an open pipeline can ask first. */
import type { RouterOptions } from "wouter";

/** Called with how to go on; returns whether it takes care of that. */
export type Guard = (go: () => void) => boolean;

let guard: Guard | null = null;

/** Ask somebody before each address is left; returns how to stop that. */
export function guardLeaving(next: Guard): () => void {
  guard = next;
  return () => void (guard === next && (guard = null));
}

/** For the router. */
export const aroundNav: NonNullable<RouterOptions["aroundNav"]> = (navigate, to, options) => {
  const go = (): void => navigate(to, options);
  if (!guard?.(go)) go();
};
