/** Connects a step by keyboard: the list of the steps that it can feed, as a combobox after WAI-ARIA. */
import { Ban } from "lucide-react";
import { connect } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { useCanvasStore } from "../canvas/canvasState";
import { TypeTile } from "../families";
import { useSay } from "../shortcuts/useSay";
import { nodeOf } from "../shortcuts/walking";
import { useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { cx } from "../../ui/cx";
import popoverStyles from "../../ui/Popover.module.css";
import { place } from "../../ui/place";
import { type Choice, choicesFor } from "./choices";
import styles from "./Linking.module.css";
import { typedAhead } from "./typedAhead";

export default function Linking({ from, keys }: {
  readonly from: string;
  /** What was typed before the list was there; it is taken out. */
  readonly keys: string[];
}): ReactNode {
  const { pipeline } = useRoom();
  const set = useSetEditor();
  const panel = usePanel(from);
  const [sought, setSought] = useState("");
  const [at, setAt] = useState(0);
  const [refusal, setRefusal] = useState("");
  const listId = useId();
  const choices = useMemo(() => choicesFor(pipeline.steps(), [...pipeline.connections().values()], from, sought), [pipeline, from, sought]);
  const chosen = choices[at];
  useMarked(chosen);
  const choose = useChoose(from, setRefusal);
  useEffect(() => {
    const typed = typedAhead(keys.splice(0));
    const found = choicesFor(pipeline.steps(), [...pipeline.connections().values()], from, typed.sought);
    const start = found.length === 0 ? 0 : ((typed.by % found.length) + found.length) % found.length;
    setSought(typed.sought);
    setAt(start);
    if (typed.isChosen) choose(found[start]);
    // Once, where the field takes over.
  }, []);
  const step = (by: number): void => {
    if (choices.length > 0) setAt((at + by + choices.length) % choices.length);
    setRefusal("");
  };
  const press = (event: KeyboardEvent): void => {
    const by = event.key === "Tab" ? (event.shiftKey ? -1 : 1) : { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined) step(by);
    else if (event.key === "Enter") choose(chosen);
    // A field for searching would only lose what was sought.
    else if (event.key === "Escape") set({ linking: null });
    else return;
    event.preventDefault();
  };
  const name = pipeline.steps().get(from)?.name ?? "the step";
  return (
    <div ref={panel} popover="auto" role="dialog" aria-label={`Connect ${name} to`} className={cx(popoverStyles.panel, styles.panel)}>
      <input
        type="search"
        role="combobox"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={chosen === undefined ? undefined : `${listId}-${at}`}
        aria-label={`Connect ${name} to`}
        placeholder={`Connect ${name} to…`}
        maxLength={200}
        value={sought}
        className={styles.search}
        onChange={({ target }) => (setSought(target.value), setAt(0), setRefusal(""))}
        onKeyDown={press}
      />
      <ul id={listId} role="listbox" aria-label="Steps" className={styles.list}>
        {choices.map((choice, index) => (
          <Option key={choice.step.id} id={`${listId}-${index}`} choice={choice} isChosen={index === at} onChoose={() => choose(choice)} />
        ))}
      </ul>
      {choices.length === 0 ? <p className={styles.none}>No step has all these words.</p> : null}
      <p role="alert" className={styles.refusal}>{refusal === "" ? null : <><Ban size={14} aria-hidden="true" /> {refusal}</>}</p>
    </div>
  );
}

function Option({ id, choice: { step, around, refusal }, isChosen, onChoose }: {
  readonly id: string;
  readonly choice: Choice;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}): ReactNode {
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isChosen) item.current?.scrollIntoView({ block: "nearest" });
  }, [isChosen]);
  return (
    <li
      ref={item}
      id={id}
      role="option"
      aria-selected={isChosen}
      aria-disabled={refusal !== null || undefined}
      title={refusal ?? undefined}
      className={styles.option}
      onClick={onChoose}
    >
      <TypeTile type={step.type} />
      <span className={styles.words}>
        <span className={styles.name}>{step.name}</span>
        <span className={styles.about}>{refusal ?? (around || step.type.replaceAll("_", " "))}</span>
      </span>
    </li>
  );
}

/** Opens beside the step, and gives the focus back to it. */
function usePanel(from: string): { current: HTMLDivElement | null } {
  const panel = useRef<HTMLDivElement>(null);
  const set = useSetEditor();
  useEffect(() => {
    const element = panel.current;
    if (element === null) return;
    const toggled = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") set({ linking: null });
    };
    element.addEventListener("toggle", toggled);
    element.showPopover();
    place(element, nodeOf(from)?.getBoundingClientRect() ?? new DOMRect(innerWidth / 2, innerHeight / 3, 0, 0), "bottom", "start");
    element.querySelector("input")?.focus();
    return () => {
      element.removeEventListener("toggle", toggled);
      nodeOf(from)?.focus({ preventScroll: true });
    };
  }, [from, set]);
  return panel;
}

/** The step that would be connected is marked on the canvas, as it is while a line is drawn to it. */
function useMarked(choice: Choice | undefined): void {
  const store = useCanvasStore();
  const joining = choice?.refusal === null ? choice.step.id : null;
  useEffect(() => {
    store.set({ joining });
    return () => store.set({ joining: null });
  }, [store, joining]);
}

function useChoose(from: string, refuse: (reason: string) => void): (choice: Choice | undefined) => void {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const set = useSetEditor();
  const say = useSay();
  return (choice) => {
    if (choice === undefined) return;
    if (choice.refusal !== null) return refuse(choice.refusal);
    set({ linking: null });
    const name = pipeline.steps().get(from)?.name ?? "";
    if (check(connect(pipeline, { from_step_id: from, to_step_id: choice.step.id }))) say(`${name} feeds ${choice.step.name}`);
  };
}
