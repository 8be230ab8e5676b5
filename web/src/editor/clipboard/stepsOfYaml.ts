/** Steps of a text in Pipeline YAML, to paste them: a pipeline, a list of steps, or one step. */
import type { Json, JsonObject } from "pipeloom-client";
import { GAP_Y, HEAD, LANE_HEAD, LANE_WIDTH, NODE_HEIGHT, PADDING, type Point } from "../canvas/measures";
import { type Item, sceneOf } from "../canvas/scene";
import { slotOfCase } from "../canvas/slots";
import { own } from "../../own";
import { readValue } from "../properties/yamlOfStep";
import { type CopiedStep, MOST_STEPS, type Read, within } from "./clipText";

/** A longer text is imported as a file: reading it here would hold up the page. */
export const MOST_YAML = 100_000;
const MOST_LEVELS = 20;
const MOST_BRACKETS = 100;

const EXPECTED = "Expected copied steps or steps in YAML";

/** `newId` makes an id for each step. */
export function stepsOfYaml(text: string, newId: () => string): Read {
  if (text.length > MOST_YAML) return { refusal: `Expected at most ${MOST_YAML} characters of YAML, got ${text.length}: import a file instead` };
  if (isNestedDeep(text)) return { refusal: `${EXPECTED}, and the text is neither: brackets are nested deeper than ${MOST_BRACKETS} levels` };
  try {
    const read = readValue(text);
    if (read.problems) return { refusal: `${EXPECTED}, and the text is neither: line ${read.problems[0]?.line}: ${read.problems[0]?.message}` };
    const list = listIn(read.value);
    return list === null ? { refusal: `${EXPECTED}, got ${kindOf(read.value)}` } : new Reader(newId).read(list);
  } catch (error) {
    return { refusal: `${EXPECTED}, and the text is neither: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The parser takes seconds for brackets without end. */
function isNestedDeep(text: string): boolean {
  let depth = 0;
  for (const [sign] of text.matchAll(/[[\]{}]/gu)) {
    depth = sign === "[" || sign === "{" ? depth + 1 : Math.max(0, depth - 1);
    if (depth > MOST_BRACKETS) return true;
  }
  return false;
}

const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);
const isNamed = (value: Json): value is JsonObject => isObject(value) && typeof value["name"] === "string" && typeof value["type"] === "string";

function listIn(value: Json): readonly Json[] | null {
  if (Array.isArray(value)) return value as readonly Json[];
  if (!isObject(value)) return null;
  if (isNamed(value)) return [value];
  const { workflow, steps } = value;
  if (Array.isArray(steps)) return steps as readonly Json[];
  return isObject(workflow ?? null) ? listIn({ steps: (workflow as JsonObject)["steps"] ?? null }) : null;
}

function kindOf(value: Json): string {
  if (isObject(value)) return `a map with the keys ${Object.keys(value).slice(0, 5).join(", ") || "none"}`;
  return value === null ? "nothing" : `a ${Array.isArray(value) ? "list" : typeof value}`;
}

class Unreadable extends Error {}

class Reader {
  private readonly steps: CopiedStep[] = [];
  private readonly items: Item[] = [];

  constructor(private readonly newId: () => string) {}

  read(list: readonly Json[]): Read {
    this.readList(list, null, "steps", { x: 0, y: 0 });
    return within({ steps: this.steps, connections: this.connections() });
  }

  /** Place the steps of a list below each other; returns its lower edge. */
  private readList(list: readonly Json[], parent: string | null, slot: string, at: Point, level = 0): number {
    if (level > MOST_LEVELS) throw new Unreadable(`steps are nested deeper than ${MOST_LEVELS} levels`);
    let { y } = at;
    for (const [index, step] of list.entries()) {
      if (!isNamed(step)) throw new Unreadable(`step ${index + 1} of a list has no name and type`);
      if (this.steps.length >= MOST_STEPS) throw new Unreadable(`there are more than ${MOST_STEPS} steps`);
      y += this.readStep(step, parent, slot, { x: at.x, y }, level) + GAP_Y;
    }
    return y;
  }

  /** Returns the height of the step. */
  private readStep(step: JsonObject, parent: string | null, slot: string, position: Point, level: number): number {
    const { name, type, enabled, ...rest } = step;
    const id = this.newId();
    const { lists, config } = divided(String(type), typeof enabled === "boolean" || enabled === undefined ? rest : { ...rest, enabled });
    const first = this.items.length;
    this.items.push({ id, type: String(type), parent, slot, position });
    this.steps.push({ id, name: name ?? "", type: String(type), ...(enabled === false ? { enabled } : {}), parent_step_id: parent, slot, position: { ...position }, config });
    const isSplit = type === "switch" || lists.some(([each]) => !isBody(each));
    const top = HEAD + (isSplit ? LANE_HEAD : PADDING);
    let x = PADDING;
    for (const [each, steps] of lists) {
      const before = this.items.length;
      this.readList(steps, id, each, { x, y: top }, level + 1);
      x += LANE_WIDTH + widthBeyond(this.items.slice(before), id);
    }
    if (lists.length === 0 && type !== "switch" && type !== "for_loop" && type !== "while_loop") return NODE_HEIGHT;
    const own = this.items.slice(first).map((item) => (item.id === id ? { ...item, parent: null } : item));
    return sceneOf(own).frames.get(id)?.height ?? NODE_HEIGHT;
  }

  /** A prompt that has another step's answer as a part is fed by that step. */
  private connections(): JsonObject[] {
    const byName = new Map(this.steps.map((step) => [`${String(step["parent_step_id"])} ${String(step["slot"])} ${String(step["name"])}`, step.id]));
    const pairs = this.steps.flatMap((step) => {
      const { prompt } = step["config"] as JsonObject;
      return (Array.isArray(prompt) ? (prompt as Json[]) : []).flatMap((part) => {
        if (!isObject(part) || part["type"] !== "previous_response") return [];
        const from = byName.get(`${String(step["parent_step_id"])} ${String(step["slot"])} ${String(part["step"])}`);
        return from === undefined || from === step.id ? [] : [[from, step.id] as const];
      });
    });
    const unique = new Map(pairs.map((pair) => [pair.join(" "), pair]));
    return [...unique.values()].map(([from_step_id, to_step_id]) => ({ id: this.newId(), from_step_id, to_step_id }));
  }
}

const isBody = (slot: string): boolean => slot === "steps" || slot.startsWith("pipeline.");

/** How much wider than a lane the widest step of a list is. */
function widthBeyond(items: readonly Item[], parent: string): number {
  const own = items.map((item) => (item.parent === parent ? { ...item, parent: null } : item));
  const widths = [...sceneOf(own).frames.values()].map(({ width }) => width + 2 * PADDING - LANE_WIDTH);
  return Math.max(0, ...widths);
}

/** The lists of steps in a step, by their slots, and what is left of it; docs/document-model.md names the slots. */
function divided(type: string, rest: JsonObject): { readonly lists: readonly (readonly [string, readonly Json[]])[]; readonly config: JsonObject } {
  const config: Record<string, Json> = { ...rest };
  const lists: [string, readonly Json[]][] = [];
  const { cases, pipeline } = config;
  if (type === "switch" && isObject(cases ?? null)) config["cases"] = split(cases as JsonObject, (key) => slotOfCase(key), lists);
  if (type === "pipeline" && isObject(pipeline ?? null)) config["pipeline"] = split(pipeline as JsonObject, (key) => (key === "steps" ? "pipeline.steps" : null), lists);
  for (const slot of ["steps", "default", "on_not_found", "error_handler", "on_error"].filter((each) => mayHold(type, each))) {
    if (!Array.isArray(config[slot])) continue;
    lists.push([slot, config[slot] as readonly Json[]]);
    delete config[slot];
  }
  if (isObject(config["cases"] ?? null) && Object.keys(config["cases"] as JsonObject).length === 0) delete config["cases"];
  return { lists, config };
}

const OWN_SLOTS: Readonly<Record<string, readonly string[]>> = {
  steps: ["for_loop", "while_loop"], default: ["switch"], on_not_found: ["checkpoint"],
};

const mayHold = (type: string, slot: string): boolean => own(OWN_SLOTS, slot)?.includes(type) ?? true;

/** Take the lists out of a map; what is none stays in it. */
function split(map: JsonObject, slotOf: (key: string) => string | null, lists: [string, readonly Json[]][]): JsonObject {
  const kept = Object.entries(map).filter(([key, value]) => {
    const slot = slotOf(key);
    if (slot === null || !Array.isArray(value)) return true;
    lists.push([slot, value as readonly Json[]]);
    return false;
  });
  return Object.fromEntries(kept);
}
