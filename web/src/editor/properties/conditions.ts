/**
 * Conditions as rows: a text such as `review.score > 7`, a map of one of `and`, `or` and `not`, or a list of which all
 * must hold. Whatever else stands there stays as it is, and is edited as YAML.
 */
import type { Json, Path } from "pipeloom-client";
import { isList, isObject, same } from "./paths";

export type Word = "and" | "or";

export type Node =
  | { readonly kind: "row"; readonly text: string }
  /** `at` leads from the group to its list: nothing where the group is the list itself. */
  | { readonly kind: "group"; readonly word: Word; readonly items: readonly Json[]; readonly at: Path }
  | { readonly kind: "not"; readonly item: Json }
  | { readonly kind: "other" };

export function nodeOf(value: Json): Node {
  if (typeof value === "string") return { kind: "row", text: value };
  if (isList(value)) return { kind: "group", word: "and", items: value, at: [] };
  if (!isObject(value)) return { kind: "other" };
  const [[word, inner] = ["", null], ...more] = Object.entries(value);
  if (more.length > 0) return { kind: "other" };
  if (word === "not") return { kind: "not", item: inner };
  return (word === "and" || word === "or") && isList(inner) ? { kind: "group", word, items: inner, at: [word] } : { kind: "other" };
}

/** What a runner compares with, by the sign in the text. */
export const OPERATORS: Readonly<Record<string, string>> = {
  "": "holds",
  "==": "is",
  "!=": "is not",
  ">": "is above",
  ">=": "is at least",
  "<": "is below",
  "<=": "is at most",
  contains: "contains",
  matches: "matches",
  between: "is between",
};

export interface Row {
  /** The path of a field, or a whole expression where there is no operator. */
  readonly field: string;
  readonly operator: string;
  readonly value: string;
}

export const textOfRow = ({ field, operator, value }: Row): string =>
  operator === "" ? field : [field, operator, value].filter((part) => part !== "").join(" ");

/** A text as a row; one that is more than a comparison is an expression without an operator. */
export function rowOf(text: string): Row {
  const whole = { field: text, operator: "", value: "" };
  const words = wordsOf(text);
  const at = words.findIndex(({ word }) => word !== "" && Object.hasOwn(OPERATORS, word));
  const found = words[at];
  if (found === undefined) return whole;
  const row = { field: text.slice(0, found.from).trim(), operator: found.word, value: text.slice(found.from + found.word.length).trim() };
  const isJoined = words.some(({ word }, place) => JOINING.includes(word) && !(word === "and" && row.operator === "between" && place > at));
  return isJoined || textOfRow(row) !== text ? whole : row;
}

const JOINING: readonly string[] = ["and", "or", "not", "&&", "||"];

/** The words of a text that stand in no quotes, brackets or braces. */
function wordsOf(text: string): { readonly word: string; readonly from: number }[] {
  const words: { word: string; from: number }[] = [];
  let [quote, depth, from] = ["", 0, 0];
  let isPlain = true;
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at] ?? " ";
    if (quote !== "") quote = sign === quote ? "" : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if ("([{".includes(sign)) depth++;
    else if (")]}".includes(sign)) depth--;
    else if (sign === " " && depth === 0) {
      if (isPlain) words.push({ word: text.slice(from, at), from });
      [from, isPlain] = [at + 1, true];
      continue;
    }
    isPlain &&= quote === "" && depth === 0 && !`"'([{)]}`.includes(sign);
  }
  return words;
}

/** A condition in words, as one would say it; groups in groups stand in brackets. */
export function wordsFor(value: Json | undefined, isInside = false): string {
  if (value === undefined) return "";
  const node = nodeOf(value);
  if (node.kind === "row") return node.text;
  if (node.kind === "other") return JSON.stringify(value);
  if (node.kind === "not") return `not ${wordsFor(node.item, true)}`;
  const joined = node.items.map((item) => wordsFor(item, node.items.length > 1)).join(` ${node.word} `);
  return isInside && node.items.length > 1 ? `(${joined})` : joined;
}

type Change = (value: Json) => Json | undefined;

/** A condition with the part at a path changed; undefined takes it away, and with it the groups that are empty then. */
export function changedAt(value: Json | undefined, path: Path, change: Change): Json | undefined {
  if (value === undefined) return undefined;
  const [key, ...below] = path;
  if (key === undefined) return change(value);
  if (isList(value) && typeof key === "number") {
    const items = value.flatMap((item, at) => (at === key ? (changedAt(item, below, change) ?? []) : [item]) as readonly Json[]);
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value) || !Object.hasOwn(value, key)) return value;
  const next = changedAt(value[key], below, change);
  if (next === undefined) return Object.keys(value).length === 1 ? undefined : Object.fromEntries(Object.entries(value).filter(([each]) => each !== key));
  return { ...value, [key]: next };
}

/** A condition with one more part in the group at a path; a single condition becomes a group with it. */
export function withPart(value: Json | undefined, path: Path, part: Json): Json {
  if (value === undefined) return part;
  const added: Change = (present) => {
    const node = nodeOf(present);
    return node.kind === "group" ? (changedAt(present, node.at, (items) => [...(items as readonly Json[]), part]) as Json) : { and: [present, part] };
  };
  return changedAt(value, path, added) ?? part;
}

/** A group by another word. */
export function withWord(value: Json, word: Word): Json {
  const node = nodeOf(value);
  return node.kind === "group" && node.word !== word ? { [word]: node.items } : value;
}

/** The opposite: what is negated already loses its `not`. */
export function negated(value: Json): Json {
  const node = nodeOf(value);
  return node.kind === "not" ? node.item : { not: value };
}

/** Where a part stands now that stood at a path of a condition as it was then: others may have changed what is around it. */
export function pathNow(then: Json | undefined, now: Json | undefined, path: Path): Path {
  const [key, ...below] = path;
  if (key === undefined) {
    const node = now === undefined || typeof then !== "string" || same(then, now) ? null : nodeOf(now);
    const at = node?.kind === "group" ? node.items.findIndex((item) => same(item, then)) : -1;
    return node?.kind === "group" && at >= 0 ? [...node.at, at] : [];
  }
  if (isList(then) && isList(now) && typeof key === "number") {
    const at = placeNow(now, key, then[key] ?? null);
    return [at, ...pathNow(then[key], now[at], below)];
  }
  const inner = isObject(then) && isObject(now) ? ([then[key], now[key]] as const) : ([undefined, undefined] as const);
  return [key, ...pathNow(inner[0], inner[1], below)];
}

/**
 * Where a part stands now that was shown at a place of a list: others may have put some before it, or taken some away.
 * A part that somebody else has changed meanwhile is the one at its place.
 */
export function placeNow(items: readonly Json[], at: number, shown: Json): number {
  if (same(items[at], shown)) return at;
  const places = items.flatMap((item, place) => (same(item, shown) ? [place] : []));
  return places.sort((a, b) => Math.abs(a - at) - Math.abs(b - at))[0] ?? at;
}

/**
 * The keys of a list's items as they are now, by those that they had: what is equal keeps its key, and between two of
 * these what was changed keeps it by its place. So what somebody types into a row stays in it while others change theirs.
 */
export function keysNow(former: readonly Json[], keys: readonly number[], items: readonly Json[], fresh: () => number): number[] {
  const kept = former.length * items.length > MOST_PAIRS ? [] : pairs(former, items);
  const found = new Map<number, number>(kept.map(([from, to]) => [to, keys[from] ?? fresh()]));
  let [from, to] = [0, 0];
  for (const [nextFrom, nextTo] of [...kept, [former.length, items.length] as const]) {
    const isSame = nextFrom - from === nextTo - to;
    for (; to < nextTo; to++, from++) found.set(to, (isSame ? keys[from] : undefined) ?? fresh());
    [from, to] = [nextFrom + 1, nextTo + 1];
  }
  return items.map((_, at) => found.get(at) ?? fresh());
}

/** Longer lists are compared by place only. */
const MOST_PAIRS = 40_000;

/** The places of equal items in both lists, ascending in both: as many as the first match of each allows. */
function pairs(former: readonly Json[], items: readonly Json[]): (readonly [number, number])[] {
  const longest = former.map(() => items.map(() => 0));
  const length = (i: number, k: number): number => longest[i]?.[k] ?? 0;
  for (let i = former.length - 1; i >= 0; i--) {
    for (let k = items.length - 1; k >= 0; k--) {
      (longest[i] as number[])[k] = same(former[i], items[k]) ? length(i + 1, k + 1) + 1 : Math.max(length(i + 1, k), length(i, k + 1));
    }
  }
  const found: (readonly [number, number])[] = [];
  for (let i = 0, k = 0; i < former.length && k < items.length; ) {
    if (same(former[i], items[k])) found.push([i++, k++]);
    else if (length(i + 1, k) >= length(i, k + 1)) i++;
    else k++;
  }
  return found;
}
