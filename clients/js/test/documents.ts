/** Documents as JSON, as `tests/cases/cases.py` writes them. */
import * as Y from "yjs";
import { read } from "../src/values.js";
import { CONNECTION_SHAPE, SETTINGS_SHAPE, STEP_SHAPE } from "../src/writing.js";

type Loose = Record<string, any>;
const ROOTS = ["pipeline", "steps", "connections"] as const;

export function built(content: Loose): Y.Doc {
  const doc = new Y.Doc();
  doc.transact(() => {
    for (const root of ROOTS) {
      for (const [key, value] of Object.entries<any>(content[root] ?? {})) {
        doc.getMap(root).set(key, entry(root, key, value));
      }
    }
  });
  return doc;
}

function entry(root: string, key: string, value: any): unknown {
  const made = marked(value);
  if (made !== value) return made;
  if (root === "pipeline") return SETTINGS_SHAPE.value(key, value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const shape = root === "steps" ? STEP_SHAPE : CONNECTION_SHAPE;
  return map(Object.entries(value).map(([field, item]) => {
    const inner = marked(item);
    return [field, inner === item ? shape.value(field, item as any) : inner];
  }));
}

function marked(value: any): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Object.hasOwn(value, "$text")) return new Y.Text(value.$text);
  if (Object.hasOwn(value, "$array")) return Y.Array.from(value.$array.map(marked));
  return Object.hasOwn(value, "$map")
    ? map(Object.entries(value.$map).map(([key, item]) => [key, marked(item)]))
    : value;
}

function map(entries: [string, unknown][]): Y.Map<unknown> {
  const made = new Y.Map<unknown>();
  for (const [key, value] of entries) made.set(key, value);
  return made;
}

export function written(value: unknown): unknown {
  if (value instanceof Y.Map) {
    const entries = [...value.entries()].map(([key, item]) => [key, written(item)] as const);
    return { $map: Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))) };
  }
  if (value instanceof Y.Array) return { $array: value.toArray().map(written) };
  return value instanceof Y.Text ? { $text: value.toString() } : read(value);
}

export const contentOf = (doc: Y.Doc): Loose =>
  Object.fromEntries(ROOTS.map((root) => [root, (written(doc.getMap(root)) as any).$map]));
