/** The pipeline as a list of its steps, one below the other; a tap opens what a step is. */
import { ChevronDown, ChevronRight } from "lucide-react";
import type { Other, Step } from "pipeloom-client";
import { useOthers, useRoom, useSelection } from "pipeloom-client/react";
import { type ReactNode, useMemo, useState, useSyncExternalStore } from "react";
import { Avatars, type Person } from "../../ui/Avatar";
import { cx } from "../../ui/cx";
import { CanvasContentProvider } from "../canvas/canvasContext";
import { useContent } from "../canvas/Canvas";
import { factsOf } from "../canvas/facts";
import { caseOf, titleOf } from "../canvas/slots";
import { Badge } from "../canvas/StepNode";
import { TypeTile } from "../families";
import { useProblemsOf } from "../problems/useProblemsOf";
import styles from "./Outline.module.css";
import { type Branch, type Lane, outlineOf } from "./outline";

export function useSteps(): ReadonlyMap<string, Step> {
  const { pipeline } = useRoom();
  return useSyncExternalStore(
    (listener) => pipeline.subscribe(({ steps }) => steps.size > 0 && listener()),
    () => pipeline.steps(),
  );
}

export function Outline(): ReactNode {
  const steps = useSteps();
  const branches = useMemo(() => outlineOf(steps.values()), [steps]);
  const content = useContent();
  if (branches.length === 0) return <p className={styles.empty}>No steps yet. Open this pipeline in a wider window to add the first.</p>;
  return (
    <CanvasContentProvider value={content}>
      <Steps branches={branches} />
    </CanvasContentProvider>
  );
}

const Steps = ({ branches }: { readonly branches: readonly Branch[] }): ReactNode => (
  <ul className={styles.steps}>
    {branches.map((branch) => (
      <li key={branch.step.id} className={styles.step}>
        {branch.lanes === null ? <Row step={branch.step} /> : <Container branch={branch} lanes={branch.lanes} />}
      </li>
    ))}
  </ul>
);

function Container({ branch: { step, count }, lanes }: { readonly branch: Branch; readonly lanes: readonly Lane[] }): ReactNode {
  const [isFolded, setFolded] = useState(false);
  const Icon = isFolded ? ChevronRight : ChevronDown;
  return (
    <section className={styles.container} aria-label={step.name}>
      <div className={cx(styles.head, isFolded && styles.folded)}>
        <Row step={step} />
        <span className={styles.count}>{count === 1 ? "1 step" : `${count} steps`}</span>
        <button type="button" className={styles.fold} aria-label={isFolded ? `Unfold ${step.name}` : `Fold ${step.name}`} aria-expanded={!isFolded} onClick={() => setFolded(!isFolded)}>
          <Icon size={18} aria-hidden="true" />
        </button>
      </div>
      {isFolded ? null : lanes.map((lane) => <LaneOf key={lane.slot} lane={lane} />)}
    </section>
  );
}

function LaneOf({ lane: { slot, isNamed, branches } }: { readonly lane: Lane }): ReactNode {
  const value = caseOf(slot);
  return (
    <>
      {isNamed ? <p className={styles.lane}>{value === null ? titleOf(slot) : <>case <code>{value}</code></>}</p> : null}
      <Steps branches={branches} />
    </>
  );
}

function Row({ step }: { readonly step: Step }): ReactNode {
  const [, select] = useSelection();
  const problems = useProblemsOf(step.id);
  const people = useOthers((others) => peopleAt(others, step.id));
  const facts = factsOf(step) || step.type.replaceAll("_", " ");
  return (
    <button type="button" className={cx(styles.row, !step.enabled && styles.disabled)} onClick={() => select([step.id])}>
      <TypeTile type={step.type} />
      <span className={styles.words}>
        <span className={styles.name}>{step.name}</span>
        <span className={styles.facts}>{facts}</span>
      </span>
      <Avatars people={people} most={2} size={20} />
      <Badge id={step.id} problems={problems} enabled={step.enabled} />
    </button>
  );
}

/** Who has a step selected. */
const peopleAt = (others: readonly Other[], id: string): readonly Person[] =>
  others.filter(({ selection }) => selection.includes(id)).map(({ user }) => ({ id: user.id, name: user.name }));
