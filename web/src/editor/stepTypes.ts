/** The types of steps as the server knows them: asked once, kept while the page is open. */
import { useEffect, useState } from "react";
import { api, type StepTypeShown } from "../session/api";

export type StepTypes = ReadonlyMap<string, StepTypeShown>;

let asked: Promise<StepTypes> | null = null;

export function stepTypes(): Promise<StepTypes> {
  asked ??= api<{ items: readonly StepTypeShown[] }>("/step-types").then(
    ({ items }) => new Map(items.map((each) => [each.type, each])),
  );
  // A failure is not kept.
  asked.catch(() => (asked = null));
  return asked;
}

/** Undefined until they have come. */
export function useStepTypes(): StepTypes | undefined {
  const [types, setTypes] = useState<StepTypes>();
  useEffect(() => {
    let isWanted = true;
    stepTypes().then((found) => isWanted && setTypes(found), () => undefined);
    return () => void (isWanted = false);
  }, []);
  return types;
}
