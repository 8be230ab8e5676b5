/** The REST API with this browser's token. A `RestError` has a sentence for people. */
import { restClient } from "pipeloom-client/rest";
import { token } from "./token";

export const rest = restClient({ token });

/** The sentence of an error, as one. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const ended = /[.!?…]$/.test(message) ? message : `${message}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
