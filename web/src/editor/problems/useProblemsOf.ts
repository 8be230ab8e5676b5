/** How many problems each step has, so that a node is drawn anew only when its own number changes. */
import type { Diagnostic } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { useCallback, useSyncExternalStore } from "react";

export interface Counts {
  readonly errors: number;
  readonly warnings: number;
}

const NONE: Counts = { errors: 0, warnings: 0 };
const counted = new WeakMap<readonly Diagnostic[], ReadonlyMap<string, Counts>>();
const interned = new Map<string, Counts>();

export function useProblemsOf(stepId: string): Counts {
  const { pipeline } = useRoom();
  const subscribe = useCallback(
    (listener: () => void) => pipeline.subscribe(({ diagnostics }) => diagnostics && listener()),
    [pipeline],
  );
  return useSyncExternalStore(subscribe, () => bySubject(pipeline.diagnostics()).get(`step:${stepId}`) ?? NONE);
}

/** The counts by subject: counted once for each list, equal counts as the same object. */
export function bySubject(diagnostics: readonly Diagnostic[]): ReadonlyMap<string, Counts> {
  const known = counted.get(diagnostics);
  if (known) return known;
  const counts = new Map<string, Counts>();
  for (const { subject, severity } of diagnostics) counts.set(subject, plus(counts.get(subject) ?? NONE, severity));
  counted.set(diagnostics, counts);
  return counts;
}

function plus({ errors, warnings }: Counts, severity: Diagnostic["severity"]): Counts {
  const sum = severity === "error" ? { errors: errors + 1, warnings } : { errors, warnings: warnings + 1 };
  const key = `${sum.errors} ${sum.warnings}`;
  const known = interned.get(key) ?? sum;
  interned.set(key, known);
  return known;
}
