/** Problems that the page mends by itself: each as one edit, which undo takes back. */
import { disconnect, type ExplainedDiagnostic, type Json, type JsonObject, type Outcome, type Pipeline, updateConfig } from "pipeloom-client";

export interface Fix {
  /** What it does, as a sentence. */
  readonly title: string;
  readonly apply: (pipeline: Pipeline) => Outcome;
}

/** The fix of a problem; undefined where only a person can know. `names` are those of the pipeline's steps. */
export function fixOf({ code, subject, path, message, suggestion }: ExplainedDiagnostic, names: Iterable<string>): Fix | undefined {
  const [kind, id] = subject.split(":");
  if (id === undefined) return undefined;
  if (kind === "connection" && (code === "dangling_connection" || code === "duplicate_connection")) {
    return { title: "Delete the connection", apply: (pipeline) => disconnect(pipeline, id) };
  }
  if (kind !== "step" || code !== "dangling_reference") return undefined;
  const written = /^"(.+?)" in /.exec(message)?.[1];
  const meant = /^Did you mean "(.+)"\?$/.exec(suggestion)?.[1] ?? (written === undefined ? undefined : nearest(written, names));
  if (written === undefined || meant === undefined) return undefined;
  const keys = segments(path).slice(1);
  return { title: `Write ${meant} instead`, apply: (pipeline) => updateConfig(pipeline, id, (config) => respelled(config, keys, written, meant) as JsonObject) };
}

/** The keys of a JSON pointer (RFC 6901). */
export const segments = (path: string): string[] => path.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));

/** The value with the name below these keys written right, also where it is a part of a text. */
export function respelled(value: Json, keys: readonly string[], written: string, meant: string): Json {
  const [key, ...rest] = keys;
  if (key === undefined) return typeof value === "string" ? inText(value, written, meant) : value;
  if (Array.isArray(value)) return value.map((item, at) => (String(at) === key ? respelled(item, rest, written, meant) : item));
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: respelled((value as JsonObject)[key] as Json, rest, written, meant) };
}

/** Only whole names: `rank` in `rank_finding` is none. */
function inText(text: string, written: string, meant: string): string {
  const escaped = written.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}_-])${escaped}(?![\\p{L}\\p{N}_-])`, "gu"), () => meant);
}

const MOST_SLIPS = 2;

/** The one name that differs by a slip or two; undefined where several do, or none. */
function nearest(written: string, names: Iterable<string>): string | undefined {
  const near = [...new Set(names)].filter((name) => slips(written, name) <= Math.min(MOST_SLIPS, written.length / 4));
  return near.length === 1 ? near[0] : undefined;
}

/** How many letters are missing, wrong or too many (Levenshtein's distance), 3 for all that is further away. */
function slips(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_SLIPS) return MOST_SLIPS + 1;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const [left, above, corner] = [next[j - 1] ?? 0, row[j] ?? 0, row[j - 1] ?? 0];
      next.push(Math.min(left + 1, above + 1, corner + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return Math.min(row.at(-1) ?? 0, MOST_SLIPS + 1);
}

/** Where in a step a problem is, for people: `prompt 2`. */
export function placeOf(path: string): string {
  const keys = segments(path);
  const shown = keys[0] === "config" ? keys.slice(1, 3) : keys.slice(0, 1);
  return shown.filter((key, at) => at === 0 || /^\d+$/.test(key)).map((key) => (/^\d+$/.test(key) ? String(Number(key) + 1) : key.replaceAll("_", " "))).join(" ");
}
