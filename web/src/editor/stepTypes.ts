/** The types of steps as the server knows them; the client asks once. */
import type { StepTypeInfo } from "pipeloom-client/rest";
import { useEffect, useState } from "react";
import { rest } from "../session/rest";

/** By name; undefined until they have come. */
export function useStepTypes(): ReadonlyMap<string, StepTypeInfo> | undefined {
  const [types, setTypes] = useState<ReadonlyMap<string, StepTypeInfo>>();
  useEffect(() => {
    let isWanted = true;
    rest.stepTypes().then((found) => isWanted && setTypes(found), () => undefined);
    return () => void (isWanted = false);
  }, []);
  return types;
}
