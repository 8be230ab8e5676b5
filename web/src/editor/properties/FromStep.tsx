/** The part of a prompt that reads another step's result: which step, and which field of it. */
import { ChevronRight } from "lucide-react";
import type { JsonObject, Path } from "pipeloom-client";
import { type ReactNode, useReducer } from "react";
import { TypeTile } from "../families";
import { Line, Select } from "./controls";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import type { Labelled } from "./Frame";
import { stepsInSight } from "./inSight";
import { typedOf } from "./literal";

export function FromStep({ path, part, ...about }: Labelled & { readonly path: Path; readonly part: JsonObject }): ReactNode {
  const { room, stepId, write } = useEditing();
  // Other steps may have come since this was drawn.
  const [, lookAgain] = useReducer((count: number) => count + 1, 0);
  const inSight = stepsInSight(room.pipeline.steps(), stepId);
  const name = typeof part["step"] === "string" ? part["step"] : "";
  const extract = part["extract"];
  const source = inSight.find((each) => each.name === name);
  return (
    <div className={styles.fromStep} onFocus={lookAgain} onPointerEnter={lookAgain}>
      {source === undefined ? null : <TypeTile type={source.type} />}
      <Select {...about} path={[...path, "step"]} value={name} words={inSight.map((each) => each.name)} nothing="Choose a step" onChoose={(word) => write([...path, "step"], word)} />
      <ChevronRight size={12} aria-hidden="true" />
      <Line
        id={`${about.id}-extract`}
        aria-label="Field of the result"
        aria-describedby=""
        aria-invalid={undefined}
        path={[...path, "extract"]}
        shown={typeof extract === "string" ? extract : typedOf(extract ?? undefined)}
        placeholder="all of it"
        commit={(typed) => write([...path, "extract"], typed === "" ? undefined : typed)}
        isMono
      />
    </div>
  );
}
