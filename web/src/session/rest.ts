/** The REST API with this browser's token. A `RestError` has a sentence for people. */
import { restClient } from "pipeloom-client/rest";
import { session, token } from "./token";

export const rest = restClient({ token, fetch: signedIn });

/** Who asks with a token that the server refuses is signed out, unless another one is kept meanwhile. */
async function signedIn(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const answer = await fetch(input, init);
  const sent = new Headers(init?.headers).get("Authorization");
  if (answer.status === 401 && sent === `Bearer ${session.current()}`) session.keep(null);
  return answer;
}

/** The sentence of an error, as one. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const ended = /[.!?…]$/.test(message) ? message : `${message}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
