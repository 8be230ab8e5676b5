/**
 * Finds the lines of steps in a pipeline's YAML as the server writes it: block style, one key a line. A
 * parser of all YAML takes half a second for a thousand steps; this takes some milliseconds.
 */
import type { Step } from "pipeloom-client";

export interface StepLines {
  readonly id: string;
  /** From 1; the last one is of the step, too. */
  readonly from: number;
  readonly to: number;
}

interface Frame {
  readonly column: number;
  /** Null for an item of a list. */
  readonly key: string | null;
  readonly line: number;
  name: string | null;
}

interface Named {
  readonly place: string;
  readonly from: number;
  to: number;
}

const ITEM = /^( *)((?:- +)*)(?:("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s:#"'][^:]*?(?::\S[^:]*?)*) *:(?: +(.*))?)?$/;
const BLOCK = /^[|>][-+0-9]*\s*(?:#.*)?$/;

/** The steps of a document in the text of its export, in the order of the lines. */
export function linesOfSteps(text: string, steps: ReadonlyMap<string, Step>): StepLines[] {
  const ids = new Map([...steps.values()].map((step) => [placeOf(step, steps), step.id]));
  return named(text).flatMap(({ place, from, to }) => {
    const id = ids.get(place);
    return id === undefined ? [] : [{ id, from, to }];
  });
}

/** The innermost step that has a line. */
export const stepAt = (lines: readonly StepLines[], line: number): StepLines | undefined =>
  lines.filter(({ from, to }) => from <= line && line <= to).at(-1);

/** Where a step stands: the slots and names that lead to it. */
function placeOf(step: Step, steps: ReadonlyMap<string, Step>): string {
  const way: string[] = [];
  for (let at: Step | undefined = step; at !== undefined; at = steps.get(at.parent_step_id ?? "")) {
    way.unshift(JSON.stringify([slotLabel(at.slot), at.name]));
  }
  return way.join("");
}

/** `cases:"high"` stands under `cases` and `high`, `pipeline.steps` under `pipeline` and `steps`. */
function slotLabel(slot: string): string {
  const [name = "", ...key] = slot.split(":");
  if (key.length === 0) return slot.replace(/\./g, "/");
  try {
    return `${name}/${String(JSON.parse(key.join(":")))}`;
  } catch {
    return slot;
  }
}

/** All items of lists that have a name, with the places that the slots and names around them make. */
function named(text: string): Named[] {
  const found: Named[] = [];
  const open = new Map<Frame, Named>();
  const stack: Frame[] = [];
  let scalar = -1;
  let last = 0;
  const close = (frame: Frame | undefined): void => {
    const item = frame && open.get(frame);
    if (item !== undefined) item.to = last;
  };
  for (const [at, line] of text.split("\n").entries()) {
    const indent = line.search(/\S/);
    if (indent < 0) continue;
    if (scalar >= 0 && indent > scalar) {
      last = at + 1;
      continue;
    }
    scalar = -1;
    const match = ITEM.exec(line);
    if (match === null || line[indent] === "#") continue;
    const [, , dashes = "", key, value = ""] = match;
    let column = indent;
    for (const dash of dashes.match(/- +/g) ?? []) {
      while ((stack.at(-1)?.column ?? -1) > column || (stack.at(-1)?.column === column && stack.at(-1)?.key === null)) close(stack.pop());
      stack.push({ column, key: null, line: at + 1, name: null });
      column += dash.length;
    }
    while (key !== undefined && (stack.at(-1)?.column ?? -1) >= column) close(stack.pop());
    last = at + 1;
    if (key === undefined) continue;
    const item = stack.at(-1);
    if (key === "name" && item?.key === null && item.name === null) {
      item.name = unquoted(value);
      const entry = { place: placeIn(stack), from: item.line, to: at + 1 };
      open.set(item, entry);
      found.push(entry);
    }
    stack.push({ column, key: unquoted(key), line: at + 1, name: null });
    if (BLOCK.test(value)) scalar = column;
  }
  while (stack.length > 0) close(stack.pop());
  return found.sort((a, b) => a.from - b.from);
}

function placeIn(stack: readonly Frame[]): string {
  const way: string[] = [];
  let keys: string[] = [];
  for (const { key, name } of stack) {
    if (key !== null) keys.push(key);
    else if (name !== null) {
      way.push(JSON.stringify([keys.join("/").replace(/^workflow\//, ""), name]));
      keys = [];
    }
  }
  return way.join("");
}

function unquoted(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith("'")) return trimmed.slice(1, -1).replace(/''/g, "'");
  if (!trimmed.startsWith('"')) return trimmed;
  try {
    return String(JSON.parse(trimmed));
  } catch {
    return trimmed;
  }
}
