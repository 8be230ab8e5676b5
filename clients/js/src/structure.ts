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

/** A step in the place that it has in the end. */
interface Standing {
  readonly id: string;
  readonly entry: StepEntry;
  readonly parent: string | null;
  readonly slot: string;
}

const STEM = MAX_NAME - " (999999999)".length;

/** Place all entries. The steps come in reading order, parents before what is in them. */
export function placed(entries: Steps, wires: ReadonlyMap<string, ConnectionEntry>): Rows {
  const diagnostics: Diagnostic[] = [];
  const parents = tree(entries, diagnostics);
  const standing = [...entries].map(([id, entry]): Standing => {
    const parent = parents.get(id) ?? null;
    return { id, entry, parent, slot: parent === null ? MAIN_SLOT : entry.slot };
  });
  const names = namesOf(standing, diagnostics);
  const steps = new Map<string, Step>();
  const counts = new Map<string, number>();
  for (const one of inReadingOrder(standing)) {
    const { id, entry, parent, slot } = one;
    const index = counts.get(listOf(one)) ?? 0;
    counts.set(listOf(one), index + 1);
    const name = names.get(id) ?? entry.name;
    const place = { parent_step_id: parent, slot, order_index: index };
    const step = { id, name, type: entry.type, supported: entry.supported, ...place, ...entry.own };
    steps.set(id, step as unknown as Step);
  }
  return { steps, connections: connected(wires, entries, diagnostics), diagnostics };
}

const listOf = ({ parent, slot }: Standing): string => `${parent ?? ""} ${slot}`;

/** Parents before what is in them, slots by name, steps by order. */
function* inReadingOrder(standing: readonly Standing[]): Generator<Standing> {
  // The last first, since what comes next is taken from the end.
  const reversed = [...standing].sort((a, b) => {
    return compare(b.slot, a.slot) || compare(b.entry.order, a.entry.order) || compare(b.id, a.id);
  });
  const children = new Map<string, Standing[]>();
  for (const one of reversed) push(children, one.parent ?? "", one);
  const pending = children.get("") ?? [];
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    yield one;
    for (const child of children.get(one.id) ?? []) pending.push(child);
  }
}

/** The parent of every step. A cycle is cut above its smallest id; a missing parent counts as none. */
function tree(entries: Steps, diagnostics: Diagnostic[]): Map<string, string | null> {
  const parents = new Map<string, string | null>();
  const cut = (key: string, code: "dangling_parent" | "parent_cycle"): void => {
    diagnostics.push(diagnostic(code, `step:${key}`, "/parent_step_id"));
    parents.set(key, null);
  };
  for (const [key, { parent }] of entries) {
    if (parent === null || entries.has(parent)) parents.set(key, parent);
    else cut(key, "dangling_parent");
  }
  for (const key of cycleHeads(parents)) cut(key, "parent_cycle");
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
    // Where the way ends at itself is a cycle, from there on.
    if (at !== null && way.includes(at)) heads.push(...way.slice(way.indexOf(at)).sort(compare).slice(0, 1));
  }
  return heads;
}

/** The names that steps have instead of the declared ones: among siblings the smallest id keeps it. */
function namesOf(standing: readonly Standing[], diagnostics: Diagnostic[]): Map<string, string> {
  const names = new Map<string, string>();
  const lists = new Map<string, Standing[]>();
  for (const one of standing) push(lists, listOf(one), one);
  for (const list of lists.values()) {
    const holders = new Map<string, string[]>();
    for (const { id, entry } of list) push(holders, entry.name, id);
    if (holders.size < list.length) number(holders, names);
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
