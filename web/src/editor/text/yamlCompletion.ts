/**
 * Proposals while YAML is typed: keys by the schema of the step's type, values that the schema lists, types, and names of
 * steps where one is meant. What they are follows from the server's schemas alone.
 */
import { autocompletion, type Completion, type CompletionContext, type CompletionResult, startCompletion } from "@codemirror/autocomplete";
import type { Extension } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import type { JsonSchema, StepTypeInfo } from "pipeloom-client/rest";
import { type Place, placeIn, type Segment, stepsNamedIn, type Values } from "./yamlPlaces";

export interface Knowledge {
  /** Undefined until they have come. */
  readonly types: ReadonlyMap<string, StepTypeInfo> | undefined;
  /** Whether the text is one step, or a whole file. */
  readonly holds: "step" | "file";
  /** The steps that may be named; those of the text itself for a file. */
  readonly steps?: () => readonly { readonly name: string; readonly type: string }[];
}

export interface Proposal {
  readonly label: string;
  readonly detail: string;
  /** What a key is followed by: a value, or lines below it. */
  readonly kind: "value" | "key" | "block";
}

/** What a part of a file is. */
type Kind =
  | { readonly is: "file" | "pipeline" | "steps" | "cases" }
  | { readonly is: "step"; readonly values: Values }
  | { readonly is: "schema"; readonly schema: JsonSchema; readonly values?: Values };

/** Keys of a pipeline's header (docs/document-model.md, YAML). */
const HEADER: readonly string[] = ["name", "description", "tags", "defaults", "claude_auth", "gemini_auth"];
const SOURCES: readonly string[] = ["data_source", "input_source", "right_source"];
const EXPRESSIONS: readonly string[] = ["condition", "break_condition", "continue_condition", "expression"];

export function proposalsAt(text: string, caret: number, known: Knowledge): { readonly from: number; readonly proposals: readonly Proposal[] } | null {
  const place = placeIn(text, caret);
  if (place === null || known.types === undefined) return null;
  const map = kindAt(place, known.types, known.holds);
  const names = (): readonly Proposal[] => stepNames(text, place, known);
  if (place.key !== null) return { from: place.from, proposals: valuesOf(map, place.key, known.types, names) };
  const isItem = map?.is === "schema" && !fieldsOf(map);
  const proposals = isItem ? wordsOf(map.schema) : keysOf(map, known.types).filter(({ label }) => !place.siblings.includes(label));
  return { from: place.from, proposals };
}

function kindAt({ path, root }: Place, types: ReadonlyMap<string, StepTypeInfo>, holds: Knowledge["holds"]): Kind | null {
  let kind: Kind | null = holds === "step" ? { is: "step", values: root } : { is: "file" };
  for (const segment of path) kind = kind && inside(kind, segment, types);
  return kind;
}

function inside(kind: Kind, segment: Segment, types: ReadonlyMap<string, StepTypeInfo>): Kind | null {
  if ("item" in segment) {
    if (kind.is === "steps") return { is: "step", values: segment.item };
    const items = kind.is === "schema" ? alternative(kind.schema, "array")?.items : undefined;
    return items === undefined ? null : { is: "schema", schema: items, values: segment.item };
  }
  const { key } = segment;
  switch (kind.is) {
    case "file":
      return key === "workflow" || key === "pipeline" ? { is: "pipeline" } : inside({ is: "pipeline" }, segment, types);
    case "pipeline":
      return key === "steps" ? { is: "steps" } : null;
    case "cases":
      return { is: "steps" };
    case "step":
      return insideStep(kind.values, key, types);
    case "schema": {
      const schema = fieldsOf(kind)?.[key] ?? additional(kind.schema);
      return schema === undefined ? null : { is: "schema", schema };
    }
    default:
      return null;
  }
}

function insideStep(values: Values, key: string, types: ReadonlyMap<string, StepTypeInfo>): Kind | null {
  const type = typeOf(values, types);
  const slot = slotsOf(type).find(({ name }) => name === key);
  if (slot !== undefined) return { is: slot.keyed ? "cases" : "steps" };
  if (key === "pipeline" && slotsOf(type).some(({ name }) => name.startsWith("pipeline."))) return { is: "pipeline" };
  const schema = configOf(type)?.properties?.[key];
  return schema === undefined ? null : { is: "schema", schema };
}

const typeOf = (values: Values, types: ReadonlyMap<string, StepTypeInfo>): StepTypeInfo | undefined => types.get(values.get("type") ?? "");
const slotsOf = (type: StepTypeInfo | undefined): StepTypeInfo["slots"] => type?.slots ?? [];
const configOf = (type: StepTypeInfo | undefined): JsonSchema | undefined => type?.schema.properties?.["config"];

/** Of several rules the one for a kind of value. */
function alternative(schema: JsonSchema, type: string): JsonSchema | undefined {
  return [schema, ...(schema.anyOf ?? [])].find((each) => [each.type ?? []].flat().includes(type));
}

const additional = ({ additionalProperties: rule }: JsonSchema): JsonSchema | undefined => (typeof rule === "object" ? rule : undefined);

/** The fields of a map; of one of several kinds, those of its kind, and of all kinds while it has none. */
function fieldsOf({ schema, values }: Extract<Kind, { is: "schema" }>): Readonly<Record<string, JsonSchema>> | undefined {
  const { oneOf } = schema;
  if (oneOf === undefined) return alternative(schema, "object")?.properties;
  const chosen = oneOf.find((each) => each.properties?.["type"]?.const === values?.get("type"));
  return chosen?.properties ?? { type: { enum: oneOf.flatMap((each) => each.properties?.["type"]?.const ?? []) } };
}

function keysOf(kind: Kind | null, types: ReadonlyMap<string, StepTypeInfo>): readonly Proposal[] {
  switch (kind?.is) {
    case "file":
      return [{ label: "workflow", detail: "the pipeline", kind: "block" }];
    case "pipeline":
      return [...HEADER.map((label) => key(label, "")), { label: "steps", detail: "list of steps", kind: "block" }];
    case "step": {
      const type = typeOf(kind.values, types);
      const slots = slotsOf(type).filter(({ name }) => !name.includes("."));
      return [
        key("name", "by which others refer to it"),
        key("type", "what it does"),
        key("enabled", "whether it runs"),
        ...fieldKeys(configOf(type)?.properties),
        ...slots.map(({ name, title }): Proposal => ({ label: name, detail: title, kind: "block" })),
      ];
    }
    case "schema":
      return fieldKeys(fieldsOf(kind));
    default:
      return [];
  }
}

const key = (label: string, detail: string): Proposal => ({ label, detail, kind: "key" });

const fieldKeys = (fields: Readonly<Record<string, JsonSchema>> = {}): readonly Proposal[] =>
  Object.entries(fields).map(([label, schema]) => ({ label, detail: schema.title ?? "", kind: isBlock(schema) ? "block" : "key" }));

const isBlock = (schema: JsonSchema): boolean => ["array", "object"].includes(String(schema.type ?? schema.anyOf?.[0]?.type));

function valuesOf(map: Kind | null, name: string, types: ReadonlyMap<string, StepTypeInfo>, names: () => readonly Proposal[]): readonly Proposal[] {
  if (map === null) return [];
  if (map.is === "step" && name === "type") return [...types].map(([label, { title }]) => value(label, title));
  if (map.is === "step" && name === "enabled") return wordsOf({ type: "boolean" });
  const inner = inside(map, { key: name }, types);
  if (inner?.is !== "schema") return [];
  if (SOURCES.includes(name)) return names().flatMap((each) => [{ ...each, label: `previous_response:${each.label}` }, each]);
  const isStep = map.is === "schema" && name === "step" && map.values?.get("type") === "previous_response";
  return isStep || EXPRESSIONS.includes(name) ? names() : wordsOf(inner.schema);
}

const value = (label: string, detail = ""): Proposal => ({ label, detail, kind: "value" });

/** The words that a rule lists: all that it allows, or examples. */
function wordsOf(schema: JsonSchema): readonly Proposal[] {
  const rules = [schema, ...(schema.anyOf ?? [])];
  const exact = rules.flatMap(({ enum: words, const: word, type }) => [...(words ?? []), ...(word === undefined ? [] : [word]), ...(type === "boolean" ? ["true", "false"] : [])]);
  const examples = rules.flatMap((each) => each.examples ?? []).filter((each) => typeof each !== "object");
  const fallback = String(schema.default ?? "");
  return [...new Set([...exact, ...examples].map(String))].map((word) => value(word, word === fallback ? "default" : exact.length === 0 ? "example" : ""));
}

/** All that may be named, without the steps around the caret. */
function stepNames(text: string, { path, root }: Place, { steps, holds }: Knowledge): readonly Proposal[] {
  const around = new Set(path.flatMap((each) => ("item" in each && each.item.has("type") ? (each.item.get("name") ?? []) : [])));
  if (holds === "step") around.add(root.get("name") ?? "");
  const named = steps?.() ?? stepsNamedIn(text);
  return [...new Map(named.filter(({ name }) => !around.has(name)).map(({ name, type }) => [name, value(name, type)])).values()];
}

/** Proposals in an editor. `known` is asked whenever something is to be proposed. */
export const yamlCompletion = (known: () => Knowledge | null): Extension =>
  autocompletion({ override: [(context) => complete(context, known())], icons: false, maxRenderedOptions: 50 });

function complete(context: CompletionContext, known: Knowledge | null): CompletionResult | null {
  if (known === null) return null;
  const text = context.state.doc.toString();
  const template = context.matchBefore(/\{\{\s*[^{}\s]*/);
  if (template !== null) {
    const names = known.steps?.() ?? stepsNamedIn(text);
    const from = template.from + (/^\{\{\s*/.exec(template.text)?.[0].length ?? 0);
    return { from, options: names.map(({ name, type }) => ({ label: `steps.${name}.result`, detail: type })), validFor: /^[^{}\s]*$/ };
  }
  const found = proposalsAt(text, context.pos, known);
  // A key that nobody has begun is proposed only to who asks.
  const isBegun = context.explicit || found?.from !== context.pos || context.matchBefore(/:\s$/) !== null;
  if (found === null || found.proposals.length === 0 || !isBegun) return null;
  return { from: found.from, options: found.proposals.map(option), validFor: /^[\w.:-]*$/ };
}

const option = ({ label, detail, kind }: Proposal, at: number): Completion => ({
  label,
  detail,
  // In the order of the schema, which has what is needed first.
  boost: -Math.min(at, 99),
  ...(kind === "value" ? {} : { apply: (view: EditorView, _: Completion, from: number, to: number) => writeKey(view, label, kind, from, to) }),
});

/** Write a key with its colon, and begin the line below where it has lines. */
function writeKey(view: EditorView, label: string, kind: Proposal["kind"], from: number, to: number): void {
  const line = view.state.doc.lineAt(from);
  const hasColon = view.state.sliceDoc(to, line.to).trimStart().startsWith(":");
  const indent = " ".repeat(from - line.from + 2);
  const insert = label + (hasColon ? "" : kind === "block" ? `:\n${indent}` : ": ");
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: "input.complete" });
  if (!hasColon) startCompletion(view);
}
