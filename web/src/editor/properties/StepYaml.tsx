/** A step as YAML: edited as text, applied as the smallest edits. What cannot be read is kept, with the reason at its line. */
import { patchStep, type Room, type Step, updateConfig } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import type { StepTypeInfo } from "pipeloom-client/rest";
import { type ReactNode, useMemo, useRef, useState } from "react";
import { Button } from "../../ui/Button";
import type { LineProblem } from "../text/lineProblems";
import { YamlArea } from "../text/YamlArea";
import { useStepTypes } from "../stepTypes";
import { useReadOnly } from "../useReadOnly";
import { stepsInSight } from "./inSight";
import { merge3 } from "./merge3";
import { isObject, same } from "./paths";
import styles from "./StepYaml.module.css";
import { lineOf, partOf, readStep, type StepText, textOf } from "./yamlOfStep";

interface Draft {
  readonly text: string;
  /** What the text was made of. */
  readonly base: StepText;
}

/** What was typed and not applied, by step: it outlives the panel. */
const drafts = new Map<string, Draft>();

export default function StepYaml({ step, type }: { readonly step: Step; readonly type: StepTypeInfo | undefined }): ReactNode {
  const room = useRoom();
  const readOnly = useReadOnly();
  const types = useStepTypes();
  const [draft, setShown] = useState(() => drafts.get(step.id) ?? null);
  const [problems, setProblems] = useState<readonly LineProblem[]>([]);
  const root = useRef<HTMLDivElement>(null);
  const present = partOf(step);
  const text = useMemo(() => textOf(partOf(step)), [step]);
  const setDraft = (next: Draft | null): void => {
    if (next === null) drafts.delete(step.id);
    else drafts.set(step.id, next);
    setShown(next);
  };
  const type_ = (typed: string): void => {
    setDraft(typed === text ? null : { text: typed, base: draft?.base ?? present });
    setProblems([]);
  };
  const apply = (): void => {
    if (draft === null) return;
    const found = applied(room, step.id, draft, slotsOf(type));
    setProblems(found);
    if (found.length === 0) setDraft(null);
  };
  const isBehind = draft !== null && !same(draft.base, present);
  return (
    <div ref={root} className={styles.yaml}>
      <YamlArea
        label={`YAML of ${step.name}`}
        className={styles.area}
        text={draft?.text ?? text}
        isEditable={readOnly === undefined}
        problems={problems}
        known={{ types, holds: "step", steps: () => stepsInSight(room.pipeline.steps(), step.id) }}
        onType={type_}
        onLeave={() => root.current?.closest<HTMLElement>("[data-panel]")?.focus()}
        onSave={() => readOnly === undefined && apply()}
      />
      <footer className={styles.foot}>
        <p role="status" className={styles.state} data-wrong={problems.length > 0 || undefined}>
          {problems.length > 0 ? `Not applied: ${problems.length === 1 ? "one line needs" : `${problems.length} lines need`} your attention` : isBehind ? "Others have changed this step since you began; what you did not touch stays theirs" : ""}
        </p>
        <Button variant="ghost" disabledReason={draft === null ? "Nothing is changed" : undefined} onClick={() => (setDraft(null), setProblems([]))}>
          Discard
        </Button>
        <Button variant="primary" disabledReason={readOnly ?? (draft === null ? "Nothing is changed" : undefined)} onClick={apply}>
          Apply
        </Button>
      </footer>
    </div>
  );
}

const slotsOf = (type: StepTypeInfo | undefined): readonly string[] => type?.slots.map(({ name }) => name) ?? ["steps"];

/** Write what the text says otherwise than what it was made of; return what kept it from that. */
function applied(room: Room, id: string, { text, base }: Draft, slots: readonly string[]): readonly LineProblem[] {
  const read = readStep(text, slots);
  if (read.problems) return read.problems;
  const { pipeline } = room;
  const step = pipeline.steps().get(id);
  if (step === undefined) return [{ severity: "error", line: 1, message: "Somebody has deleted this step" }];
  const { name, type, enabled, config } = read.value;
  const isTaken = [...pipeline.steps().values()].some((each) => each.id !== id && each.name === name && each.parent_step_id === step.parent_step_id && each.slot === step.slot);
  if (isTaken) return [{ severity: "error", line: lineOf(text, "name"), message: `A step beside it is called ${name} already` }];
  const changes = { ...(name !== base.name && { name }), ...(type !== base.type && { type }), ...(enabled !== base.enabled && { enabled }) };
  const outcome = room.doc.transact(() => {
    const merged = updateConfig(pipeline, id, (theirs) => {
      const next = merge3(base.config, config, theirs);
      return isObject(next) ? next : {};
    });
    return merged.ok && Object.keys(changes).length > 0 ? patchStep(pipeline, id, changes) : merged;
  }, pipeline.origin);
  if (outcome.ok) return [];
  const { field, message } = outcome.refused;
  return [{ severity: "error", line: lineOf(text, field), message: message.charAt(0).toUpperCase() + message.slice(1) }];
}
