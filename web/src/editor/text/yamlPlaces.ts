/**
 * Where in a YAML text somebody is typing: the keys and items around the caret, and what stands beside it. It reads lines
 * of block style and no more, since what is being typed is seldom valid YAML.
 */

/** A key of a map, or one item of a list with the plain values of its map. */
export type Segment = { readonly key: string } | { readonly item: Values };

export type Values = ReadonlyMap<string, string>;

export interface Place {
  /** From the outermost map to that, or that list, in which the caret is. */
  readonly path: readonly Segment[];
  /** The values of the outermost map. */
  readonly root: Values;
  /** The key whose value is typed; null while a key or an item of a list is. */
  readonly key: string | null;
  /** What stands of it before the caret, and where that begins in the text. */
  readonly typed: string;
  readonly from: number;
  /** The keys that the map around the caret has besides. */
  readonly siblings: readonly string[];
}

interface Line {
  /** Columns of the dashes before the key. */
  readonly dashes: readonly number[];
  readonly key: string | null;
  /** Of the key, or of what stands there instead. */
  readonly column: number;
  readonly value: string;
}

const LINE = /^( *)((?:-(?: +|$))*)(.*)$/;
const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s:#"'[{&*!|>%@`-][^:#]*?|-[^\s:#][^:#]*?) *:(?: +(.*))?$/;
const BLOCK = /^[|>][-+0-9]*\s*(?:#.*)?$/;

/** Larger texts are not read: nobody waits for a proposal. */
const LARGEST = 500_000;

/** The place of the caret; null where no key and no value is typed: in a comment, a text of several lines or a flow. */
export function placeIn(text: string, caret: number): Place | null {
  if (text.length > LARGEST) return null;
  const start = text.lastIndexOf("\n", caret - 1) + 1;
  const before = text.slice(start, caret);
  const end = text.indexOf("\n", caret);
  const rows = text.split("\n");
  const at = text.slice(0, start).split("\n").length - 1;
  const lines = readLines(rows, at);
  if (lines === null || /(^|\s)#/.test(before)) return null;
  const [, , , rest = ""] = LINE.exec(before) ?? [];
  const [, key, value = ""] = KEY.exec(rest) ?? [];
  const current = lineOf(before) ?? { dashes: [], key: null, column: before.length, value: "" };
  const typed = key === undefined ? rest : value;
  if (/^[[{&*!|>]/.test(typed) || (key === undefined && /:\s*$/.test(rest))) return null;
  const isKeyed = /^[^#]*?:(\s|$)/.test(text.slice(caret, end < 0 ? undefined : end));
  const { path, first, column } = pathTo(lines, at, current);
  const own = valuesFrom(lines, first, column, key === undefined && !isKeyed ? at : -1);
  const named = key === undefined ? [...own.keys()] : [...own.keys()].filter((each) => each !== unquoted(key));
  return { path, root: valuesFrom(lines, 0, lines.find((line) => line !== null)?.column ?? 0), key: key === undefined ? null : unquoted(key), typed, from: caret - typed.length, siblings: named };
}

/** All lines but comments and those of texts; null if the wanted one is in a text. */
function readLines(rows: readonly string[], wanted: number): (Line | null)[] | null {
  const lines: (Line | null)[] = [];
  let scalar = -1;
  for (const [at, row] of rows.entries()) {
    const indent = row.search(/\S/);
    const isText = scalar >= 0 && (indent < 0 || indent > scalar);
    if (isText && at === wanted && indent >= 0) return null;
    if (!isText) scalar = -1;
    const line = isText || indent < 0 || row[indent] === "#" ? null : lineOf(row);
    lines.push(line);
    if (line !== null && BLOCK.test(line.value)) scalar = line.dashes.at(-1) ?? line.column;
    if (line !== null && BLOCK.test(line.value) && line.key !== null) scalar = line.column;
  }
  return lines;
}

function lineOf(row: string): Line | null {
  const [, indent = "", dashes = "", rest = ""] = LINE.exec(row) ?? [];
  const columns: number[] = [];
  let column = indent.length;
  for (const dash of dashes.match(/- */g) ?? []) {
    columns.push(column);
    column += dash.length;
  }
  const [, key, value = ""] = KEY.exec(rest) ?? [];
  return { dashes: columns, key: key === undefined ? null : unquoted(key), column, value: key === undefined ? rest : value };
}

interface Around {
  readonly path: readonly Segment[];
  /** The first line of the innermost map, and the column of its keys. */
  readonly first: number;
  readonly column: number;
}

/** Upwards from a line: keys that stand further left, and the dashes of the lists between them. */
function pathTo(lines: readonly (Line | null)[], at: number, current: Line): Around {
  const path: Segment[] = [];
  let column = current.column;
  let isList = false;
  let innermost: Omit<Around, "path"> | null = null;
  const leave = (dashes: readonly number[], from: number): void => {
    for (const dash of [...dashes].reverse()) {
      if (dash >= column) continue;
      innermost ??= { first: from, column };
      path.unshift({ item: valuesFrom(lines, from, column) });
      [column, isList] = [dash, true];
    }
  };
  leave(current.dashes, at);
  for (let place = at - 1; place >= 0; place--) {
    const line = lines[place];
    if (!line) continue;
    const isParent = line.key !== null && line.value.replace(/^[&!]\S*\s*/, "").replace(/#.*$/, "") === "" && (isList ? line.column <= column : line.column < column);
    if (isParent) {
      innermost ??= { first: place + 1, column };
      path.unshift({ key: line.key as string });
      [column, isList] = [line.column, false];
      leave(line.dashes, place);
    } else if (!isList && line.column === column && line.dashes.length > 0) leave(line.dashes, place);
    else if (!isList && line.key !== null && line.column < column) column = line.column;
  }
  return { path, ...(innermost ?? { first: 0, column: current.column }) };
}

/** The keys of a map with their values, of those that stand on one line; `skipped` is a line that does not count. */
function valuesFrom(lines: readonly (Line | null)[], first: number, column: number, skipped = -1): Values {
  const values = new Map<string, string>();
  for (let at = first; at < lines.length; at++) {
    const line = lines[at];
    if (!line || at === skipped) continue;
    const left = line.dashes[0] ?? line.column;
    if (left < column && at > first) break;
    if (line.column === column && line.key !== null && (line.dashes.length === 0 || at === first)) values.set(line.key, unquoted(line.value.replace(/\s+#.*$/, "")));
  }
  return values;
}

function unquoted(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith("'") && trimmed.endsWith("'") && trimmed.length > 1) return trimmed.slice(1, -1).replace(/''/g, "'");
  if (!trimmed.startsWith('"')) return trimmed;
  try {
    return String(JSON.parse(trimmed));
  } catch {
    return trimmed;
  }
}

/** The steps that a text names, in any list. */
export function stepsNamedIn(text: string): { readonly name: string; readonly type: string }[] {
  if (text.length > LARGEST) return [];
  const lines = readLines(text.split("\n"), -1) ?? [];
  return lines.flatMap((line, at) => {
    const dash = line?.dashes.at(-1);
    if (!line || dash === undefined || line.key === null) return [];
    const values = valuesFrom(lines, at, line.column);
    const [name, type] = [values.get("name"), values.get("type")];
    return name === undefined || name === "" || type === undefined ? [] : [{ name, type }];
  });
}
