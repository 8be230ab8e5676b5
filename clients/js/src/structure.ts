/**
 * The entries of a document in their places: parents without cycles, names without doubles,
 * connections between steps that are there. The same rows as `crdt/validation` makes, from the same
 * content, whatever way it came about.
 */
import { type ConnectionEntry, type Diagnostic, diagnostic, type StepEntry } from "./entries.js";
import { type Connection, MAIN_SLOT, MAX_NAME, type Step } from "./schema.js";
import { compare, cut, push } from "./values.js";

export interface Rows {
  readonly steps: Map<string, Step>;
  readonly connections: Map<string, Connection>;
  readonly diagnostics: readonly Diagnostic[];
}

type Steps = ReadonlyMap<string, StepEntry>;

const STEM = MAX_NAME - " (999999999)".length;

/** Place all entries. The steps come in reading order, parents before what is in them. */
export function placed(entries: Steps, wires: ReadonlyMap<string, ConnectionEntry>): Rows {
  const diagnostics: Diagnostic[] = [];
  const parents = tree(entries, diagnostics);
  const lines = linesOf(entries, parents);
  const names = namesOf(entries, lines.values(), diagnostics);
  const steps = new Map<string, Step>();
  const pending = [...(lines.get(scopeKey(null, MAIN_SLOT)) ?? [])].reverse();
  const children = childrenOf(lines, parents);
  const indices = new Map([...lines.values()].flatMap((line) => line.map((key, at) => [key, at] as const)));
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    steps.set(key, row(key, entries, parents, indices, names));
    pending.push(...(children.get(key) ?? []));
  }
  return { steps, connections: connected(wires, entries, diagnostics), diagnostics };
}

const scopeKey = (parent: string | null, slot: string): string => `${parent ?? ""} ${slot}`;

const slotOf = (key: string, entries: Steps, parents: ReadonlyMap<string, string | null>): string =>
  parents.get(key) ? (entries.get(key)?.slot ?? MAIN_SLOT) : MAIN_SLOT;

/** The parent of every step. A cycle is cut above its smallest id; a missing parent counts as none. */
function tree(entries: Steps, diagnostics: Diagnostic[]): Map<string, string | null> {
  const parents = new Map<string, string | null>();
  for (const [key, { parent }] of entries) {
    const exists = parent !== null && entries.has(parent);
    if (parent !== null && !exists) {
      diagnostics.push(diagnostic("dangling_parent", `step:${key}`, "/parent_step_id"));
    }
    parents.set(key, exists ? parent : null);
  }
  for (const key of cycleHeads(parents)) {
    diagnostics.push(diagnostic("parent_cycle", `step:${key}`, "/parent_step_id"));
    parents.set(key, null);
  }
  return parents;
}

/** The smallest id of every cycle. */
function cycleHeads(parents: ReadonlyMap<string, string | null>): string[] {
  const heads: string[] = [];
  const seen = new Set<string>();
  for (const start of parents.keys()) {
    const way: string[] = [];
    let at: string | null = start;
    for (; at !== null && !seen.has(at); at = parents.get(at) ?? null) {
      seen.add(at);
      way.push(at);
    }
    const cycle = at === null ? [] : way.slice(way.indexOf(at) === -1 ? way.length : way.indexOf(at));
    const [head] = cycle.sort(compare);
    if (head !== undefined) heads.push(head);
  }
  return heads;
}

/** The steps of every list, in order. */
function linesOf(entries: Steps, parents: ReadonlyMap<string, string | null>): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const key of entries.keys()) {
    const scope = scopeKey(parents.get(key) ?? null, slotOf(key, entries, parents));
    push(lines, scope, key);
  }
  const order = (key: string): string => entries.get(key)?.order ?? "";
  for (const line of lines.values()) line.sort((a, b) => compare(order(a), order(b)) || compare(a, b));
  return lines;
}

/** What stands in each step, the last first: slots by name, steps by order. */
function childrenOf(
  lines: ReadonlyMap<string, string[]>,
  parents: ReadonlyMap<string, string | null>,
): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const scope of [...lines.keys()].sort(compare).reverse()) {
    const line = lines.get(scope) ?? [];
    const parent = line[0] === undefined ? null : (parents.get(line[0]) ?? null);
    if (parent !== null) push(children, parent, ...[...line].reverse());
  }
  return children;
}

/** The names that steps have instead of the declared ones: among siblings the smallest id keeps it. */
function namesOf(entries: Steps, lines: Iterable<string[]>, diagnostics: Diagnostic[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of lines) {
    const holders = new Map<string, string[]>();
    for (const key of line) push(holders, entries.get(key)?.name ?? "", key);
    if (holders.size < line.length) number(holders, names);
  }
  for (const key of names.keys()) diagnostics.push(diagnostic("duplicate_name", `step:${key}`, "/name"));
  return names;
}

function number(holders: ReadonlyMap<string, string[]>, names: Map<string, string>): void {
  // One count per stem, since long names may share it.
  const counts = new Map<string, number>();
  for (const [name, keys] of [...holders].sort(([a], [b]) => compare(a, b))) {
    const stem = cut(name, STEM);
    for (const key of keys.sort(compare).slice(1)) {
      let count = counts.get(stem) ?? 2;
      while (holders.has(`${stem} (${count})`)) count += 1;
      names.set(key, `${stem} (${count})`);
      counts.set(stem, count + 1);
    }
  }
}

function row(
  key: string,
  entries: Steps,
  parents: ReadonlyMap<string, string | null>,
  indices: ReadonlyMap<string, number>,
  names: ReadonlyMap<string, string>,
): Step {
  const entry = entries.get(key) as StepEntry;
  const parent = parents.get(key) ?? null;
  const slot = slotOf(key, entries, parents);
  const step = {
    id: key,
    name: names.get(key) ?? entry.name,
    type: entry.type,
    supported: entry.supported,
    parent_step_id: parent,
    slot,
    order_index: indices.get(key) ?? 0,
    ...entry.own,
  };
  return step as unknown as Step;
}

/** The connections with both ends there; of several with the same ends, the smallest id. */
function connected(
  wires: ReadonlyMap<string, ConnectionEntry>,
  steps: Steps,
  diagnostics: Diagnostic[],
): Map<string, Connection> {
  const routes = new Set<string>();
  const connections = new Map<string, Connection>();
  for (const [key, { own, ...ends }] of [...wires].sort(([a], [b]) => compare(a, b))) {
    const subject = `connection:${key}`;
    const route = JSON.stringify(Object.values(ends));
    const isDouble = routes.has(route);
    routes.add(route);
    if (!steps.has(ends.from_step_id) || !steps.has(ends.to_step_id)) {
      diagnostics.push(diagnostic("dangling_connection", subject, "/ends"));
    } else if (isDouble) diagnostics.push(diagnostic("duplicate_connection", subject, "/ends"));
    else connections.set(key, { id: key, ...ends, ...own } as unknown as Connection);
  }
  return connections;
}
