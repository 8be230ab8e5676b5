/** Parts of the page that are loaded after the first paint. */
import { type ComponentType, lazy, type LazyExoticComponent, type ReactNode } from "react";

const loads: (() => Promise<unknown>)[] = [];

/**
 * As React's `lazy`, for a part that `loadParts` fetches in advance. A part that cannot be fetched, since the
 * server is away, says so in its place: else React would take the whole page away, with the edits that wait.
 */
export function later<C extends ComponentType<any>>(load: () => Promise<{ readonly default: C }>): LazyExoticComponent<C> {
  loads.push(load);
  return lazy(() => load().catch(() => ({ default: Missing as unknown as C })));
}

/** Fetch all parts while the server is there, one after the other whenever the page has nothing else to do; returns how to stop. */
export function loadParts(): () => void {
  let isStopped = false;
  void (async () => {
    for (const load of loads) {
      await idle();
      if (isStopped) return;
      await load().catch(() => undefined);
    }
  })();
  return () => void (isStopped = true);
}

const LONGEST_MS = 300;

/** Safari knows no idle time: there a moment has to do. */
const idle = (): Promise<unknown> =>
  new Promise((resolve) => ("requestIdleCallback" in window ? requestIdleCallback(resolve, { timeout: LONGEST_MS }) : setTimeout(resolve, 50)));

const Missing = (): ReactNode => <p role="alert">This part could not be loaded: reload the page once the server answers.</p>;
