/**
 * The page around this one, where it is shown in a frame: it is asked for the token. Which pages may show
 * the frame is the server's decision (`frame-ancestors`), so whoever is around it may know the pipeline.
 */

export const isEmbedded: boolean = location.pathname.startsWith("/embed/");

/** What the two pages say to each other. */
export const WANTED = "pipeloom.token-wanted";
export const GIVEN = "pipeloom.token";

/** Ask for a token, again and again, since the page around may not listen yet. */
const AGAIN_MS = 500;

let asking: Promise<string> | undefined;

export function tokenOfParent(): Promise<string> {
  asking ??= ask().finally(() => (asking = undefined));
  return asking;
}

function ask(): Promise<string> {
  return new Promise((resolve) => {
    const ask = (): void => window.parent.postMessage({ type: WANTED }, "*");
    const timer = setInterval(ask, AGAIN_MS);
    const answer = ({ source, data }: MessageEvent): void => {
      if (source !== window.parent || !isGiven(data)) return;
      clearInterval(timer);
      removeEventListener("message", answer);
      resolve(data.token);
    };
    addEventListener("message", answer);
    ask();
  });
}

const isGiven = (data: unknown): data is { readonly token: string } =>
  typeof data === "object" && data !== null && "type" in data && data.type === GIVEN && "token" in data && typeof data.token === "string";
