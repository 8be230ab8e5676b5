/** The words for what has changed: fields by their paths, texts line by line. */
import { diffComm } from "node-diff3";
import type { Change } from "./comparison";

/** The changes of one field, which a person reads as one thing. */
export interface FieldChange {
  readonly title: string;
  readonly changes: readonly Change[];
}

/** Fields of a step that have a word of their own; all others are called by their path. */
const TITLES: Readonly<Record<string, string>> = {
  "/position": "Position",
  "/size": "Size",
  "/order_index": "Place in its list",
  "/parent_step_id": "Container",
  "/slot": "List of the container",
  "/enabled": "Enabled",
};

/** Changes by field, in their order; what stands below one field of `config` is together. */
export function fieldChanges(changes: readonly Change[]): readonly FieldChange[] {
  const fields = new Map<string, Change[]>();
  for (const change of changes) {
    const title = titleOf(change.path);
    const known = fields.get(title);
    if (known) known.push(change);
    else fields.set(title, [change]);
  }
  return [...fields].map(([title, own]) => ({ title, changes: own }));
}

function titleOf(path: string): string {
  const [, first = "", second] = path.split("/");
  const known = TITLES[`/${first}`];
  if (known) return known;
  const name = first === "config" && second !== undefined ? second : first;
  return sentence(name.replaceAll("~1", "/").replaceAll("~0", "~").replaceAll("_", " "));
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What is left of a path below its field: `prompt 2 › content`. */
export function below(path: string): string {
  const parts = path.split("/").slice(path.startsWith("/config/") ? 3 : 2);
  return parts.map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : part)).join(" › ");
}

export interface Line {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

/** Longer texts are shown as removed and added whole: comparing them would stop the page. */
const MOST_LINES = 2000;

/** Two texts line by line. */
export function linesOf(before: string, after: string): Line[] {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  if (old.length + fresh.length > MOST_LINES) return [...lines("removed", old), ...lines("added", fresh)];
  return diffComm(old, fresh).flatMap((part) =>
    "common" in part && part.common
      ? lines("same", part.common)
      : [...lines("removed", part.buffer1 ?? []), ...lines("added", part.buffer2 ?? [])],
  );
}

const lines = (kind: Line["kind"], texts: readonly string[]): Line[] => texts.map((text) => ({ kind, text }));

/** Whether a change is of a text that is better read line by line. */
export const isText = ({ before, after }: Change): boolean =>
  typeof before === "string" && typeof after === "string" && (before + after).length > 40;

/** A value in one line. */
export const valueOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value) ?? "nothing");
