/** What the fields of one step's form share: the step, how to change it, what is wrong with it, who else is in it. */
import { type ExplainedDiagnostic, type Json, type JsonObject, type Other, type Outcome, type Path, type Room, updateConfig } from "pipeloom-client";
import { useDiagnostics, useRoom } from "pipeloom-client/react";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { OwnField } from "../text/ownField";
import { useCommands } from "../useCommands";
import { useReadOnly } from "../useReadOnly";
import { pointerOf, setAt } from "./paths";

export interface Editing {
  readonly room: Room;
  readonly stepId: string;
  /** Why nothing can be changed; undefined if it can. */
  readonly readOnlyReason: string | undefined;
  /** Write a value at a path of the config, undefined to take it away; returns whether it was taken. */
  readonly write: (path: Path, value: Json | undefined) => boolean;
  readonly change: (change: (config: JsonObject) => JsonObject) => boolean;
  readonly check: (outcome: Outcome) => boolean;
  readonly problemsAt: (pointer: string) => readonly ExplainedDiagnostic[];
  readonly editors: Editors;
}

const Context = createContext<Editing | null>(null);

export function StepEditing({ stepId, children }: { readonly stepId: string; readonly children: ReactNode }): ReactNode {
  const room = useRoom();
  const { check } = useCommands();
  const readOnlyReason = useReadOnly();
  const problemsAt = useProblemsAt(stepId);
  const editors = useMemo(() => new Editors(room, stepId), [room, stepId]);
  const editing = useMemo((): Editing => {
    const change: Editing["change"] = (how) => check(updateConfig(room.pipeline, stepId, how));
    const write: Editing["write"] = (path, value) => change((config) => setAt(config, path, value));
    return { room, stepId, readOnlyReason, write, change, check, problemsAt, editors };
  }, [room, stepId, readOnlyReason, check, problemsAt, editors]);
  return <Context.Provider value={editing}>{children}</Context.Provider>;
}

export function useEditing(): Editing {
  const editing = useContext(Context);
  if (editing === null) throw new Error("expected a <StepEditing> around this component");
  return editing;
}

const NONE: readonly ExplainedDiagnostic[] = [];

function useProblemsAt(stepId: string): Editing["problemsAt"] {
  const diagnostics = useDiagnostics();
  return useMemo(() => {
    const byPath = new Map<string, ExplainedDiagnostic[]>();
    for (const each of diagnostics) {
      if (each.subject === `step:${stepId}`) byPath.set(each.path, [...(byPath.get(each.path) ?? []), each]);
    }
    return (pointer) => byPath.get(pointer) ?? NONE;
  }, [diagnostics, stepId]);
}

/** Somebody else in a field. */
export interface FieldEditor {
  readonly clientId: number;
  readonly user: Other["user"];
  readonly pointer: string;
  readonly isTyping: boolean;
}

const NOBODY: readonly FieldEditor[] = [];

/** Who else is in the fields of a step: read once for all fields, and announced only when it has changed. */
export class Editors {
  private readonly listeners = new Set<() => void>();
  private stop: (() => void) | null = null;
  private present = NOBODY;
  private key = "";
  private readonly known = new Map<string, readonly FieldEditor[]>();

  constructor(
    private readonly room: Room,
    private readonly stepId: string,
  ) {
    this.read();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    this.stop ??= this.room.subscribe(() => this.read() && this.notify());
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.stop?.();
      this.stop = null;
    };
  };

  /** Those in a field, or in one inside of it; the same list while nothing has changed. */
  readonly at = (pointer: string): readonly FieldEditor[] => {
    const known = this.known.get(pointer);
    if (known !== undefined) return known;
    const found = this.present.filter((each) => each.pointer === pointer || each.pointer.startsWith(`${pointer}/`));
    const list = found.length === 0 ? NOBODY : found;
    this.known.set(pointer, list);
    return list;
  };

  private read(): boolean {
    const present = this.room.others().flatMap(({ clientId, user, field }) =>
      field?.step === this.stepId ? [{ clientId, user, pointer: pointerOf(field.path), isTyping: field.typing }] : [],
    );
    const key = JSON.stringify(present.map(({ clientId, pointer, isTyping }) => [clientId, pointer, isTyping]));
    if (key === this.key) return false;
    [this.key, this.present] = [key, present];
    this.known.clear();
    return true;
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

/** Who else is in the field with a path of the step. */
export function useEditorsAt(path: Path): readonly FieldEditor[] {
  const { editors } = useEditing();
  const pointer = pointerOf(path);
  return useSyncExternalStore(editors.subscribe, () => editors.at(pointer));
}

/** Show the others that this field has the focus: handlers for the element that has it. */
export function useOwnField(path: Path): { onFocus: () => void; onInput: () => void; onBlur: () => void } {
  const { room, stepId } = useEditing();
  const own = useRef<OwnField | null>(null);
  useEffect(() => () => own.current?.leave(), []);
  return {
    onFocus: () => (own.current = new OwnField(room, stepId, path)),
    onInput: () => own.current?.typed(),
    onBlur: () => {
      own.current?.leave();
      own.current = null;
    },
  };
}

const QUIET_MS = 1000;

export interface Draft {
  readonly value: string;
  readonly onChange: (typed: string) => void;
  /** Write what is typed, now. */
  readonly write: () => void;
}

/**
 * What is typed into a field before it is written: when the field is left, and with `isLive` after a
 * second without a key. What is refused stays in the field.
 */
export function useDraft(shown: string, commit: (typed: string) => boolean, isLive = true): Draft {
  const [typed, setTyped] = useState<string | null>(null);
  const latest = useRef({ typed, shown, commit });
  latest.current = { typed, shown, commit };
  const timer = useRef(0);
  const write = (): void => {
    clearTimeout(timer.current);
    const { typed: wanted, shown: present, commit: how } = latest.current;
    if (wanted === null) return;
    if (wanted === present || how(wanted)) setTyped(null);
  };
  // A form that is closed writes, too: nobody loses what is typed.
  useEffect(() => write, []);
  const onChange = (value: string): void => {
    setTyped(value);
    clearTimeout(timer.current);
    if (isLive) timer.current = window.setTimeout(write, QUIET_MS);
  };
  return { value: typed ?? shown, onChange, write };
}
