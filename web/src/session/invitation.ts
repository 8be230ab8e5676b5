/** The link by which somebody came: its secret, until they have answered, in this window alone. */
import { ofWindow } from "../local";
import { takeFromAddress } from "./fragment";
import { isEmbedded } from "./parent";

const KEY = "pipeloom.invitation";

const listeners = new Set<() => void>();

/** It is kept while somebody signs in, which may load the page anew. */
export const invitation = {
  get: (): string | null => ofWindow.getItem(KEY),
  drop: (): void => {
    ofWindow.removeItem(KEY);
    for (const listener of [...listeners]) listener();
  },
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};

/** Returns whether there was one. Around a frame there may be anybody, who could have somebody click on it unawares. */
export function takeInvitationFromAddress(): boolean {
  const secret = takeFromAddress("invitation");
  if (secret === null || isEmbedded) return false;
  ofWindow.setItem(KEY, secret.trim());
  return true;
}
