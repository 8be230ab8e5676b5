/**
 * Finds the names in a step's config that may mean another step, by the rules of Pipeline YAML
 * (`crdt/pipeline/mentions.py`, from which these are translated: JavaScript lacks possessive
 * quantifiers, for which `(?=(…))\k` stands, and its \w, \s and \b know ASCII or other blanks).
 */
import { LISTS_WITH_PROMPTS } from "./schema.js";
import { isObject, type Json, type JsonObject, member } from "./values.js";
import type { Path } from "./writing.js";

/** A name at the UTF-16 units `start` up to `end` of the text at `place`; `path` is its port. */
export interface Mention {
  readonly name: string;
  readonly path: Path;
  readonly place: Path;
  readonly start: number;
  readonly end: number;
  /** What may stand here and would be read as a name. */
  readonly grammar: RegExp;
}

const CONDITIONS = ["condition", "break_condition", "continue_condition"];
const MAX_MENTIONS = 10_000;

const W = "\\p{L}\\p{N}_";
const S = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const FIRST = `[\\p{L}\\p{Nl}\\p{No}_]`;
const REST = `(?<rest>(?=(?<more>(?:\\.[${W}\\-]+|\\[[^\\]\\[]*\\])*))\\k<more>)`;
const whole = (source: string): RegExp => new RegExp(`^(?:${source})$`, "dsu");
const every = (source: string): RegExp => new RegExp(source, "dgsu");

const TEMPLATE = every("\\{\\{(?<expression>[^{}]+)\\}\\}");
const PREVIOUS = every(
  `(?<![${W}])previous_response:[${S}]*(?<name>[${W}\\-][${W} \\-]*)[.:]?(?<rest>[${W}.\\-]*)`,
);
const STEPS = every(`(?<![${W}.])steps\\.(?<name>[${W}\\-]+)${REST}`);
const ONLY_STEPS = whole(`[${S}]*steps\\.(?<name>[${W}][${W}\\-]*(?: +[${W}][${W}\\-]*)*)${REST}[${S}]*`);
const QUOTED = every(`'[^']*'|"[^"]*"`);
const NAMED = every(
  `(?<![${W}.\\-])(?<root>(?:steps|state|variables)\\.)?` +
    `(?=(?<name>${FIRST}[${W}\\-]*))\\k<name>${REST}(?![${S}]*\\()`,
);
const SOURCE = whole(`[${S}]*(?:previous_response:|steps\\.)?(?<name>[^:.]+)[:.]?(?<rest>.*)`);

const ROOTS =
  "steps|inputs|state|global_vars|variables|loop|config|environment|workflow|step|error|system|" +
  "secrets|context|previous_response|timestamp|date|execution_id";
const OTHER_ROOTS = new Set(ROOTS.split("|"));
const ANY = whole("(?!.*\\{\\{).+");
const SPACED = whole(`[${W}\\-](?:[${W} \\-]*[${W}\\-])?`);
const WORD = whole(`[${W}\\-]+`);
const WORDS = whole(`[${W}][${W}\\-]*(?: +[${W}][${W}\\-]*)*`);
const IN_SOURCE = whole(
  `(?!context$|previous_response$|steps$)[^:.${S}{}](?:[^:.{}]*[^:.${S}{}])?`,
);
const BARE = whole(`(?!(?:${ROOTS})$)${FIRST}[${W}\\-]*`);
const ROOTED = whole(`${FIRST}[${W}\\-]*`);
const BLANKS = new RegExp(`^[${S}]+|[${S}]+$`, "gu");

/** Yield the names in a step of a type that may mean a step. */
export function* mentionsIn(type: string, config: JsonObject): Generator<Mention> {
  let left = MAX_MENTIONS;
  for (const mention of all(type, config)) {
    if (left-- === 0) return;
    yield mention;
  }
}

function* all(type: string, config: JsonObject): Generator<Mention> {
  yield* promptParts(member(config, "prompt"), ["prompt"]);
  for (const key of LISTS_WITH_PROMPTS) {
    for (const [at, task] of items(member(config, key))) {
      if (isObject(task)) yield* promptParts(member(task, "prompt"), [key, at, "prompt"]);
    }
  }
  yield* sources(type, config);
  const keys = type === "switch" ? [...CONDITIONS, "expression"] : CONDITIONS;
  for (const key of keys) {
    for (const [below, text] of texts(member(config, key), [])) {
      yield* namesIn(text, { path: [key], place: [key, ...below], start: 0 }, true);
    }
  }
  for (const [path, text] of texts(config, [])) {
    if (text.includes("{{") && !hasOwnRule(type, path)) yield* templates(text, path);
  }
}

function* promptParts(prompt: Json, path: Path): Generator<Mention> {
  for (const [at, part] of items(prompt)) {
    if (!isObject(part) || member(part, "type") !== "previous_response") continue;
    const name = member(part, "step");
    if (typeof name !== "string" || name.includes("{{")) continue;
    const place = [...path, at];
    yield { name, path: place, place: [...place, "step"], start: 0, end: name.length, grammar: ANY };
  }
}

function* sources(type: string, config: JsonObject): Generator<Mention> {
  if (type === "for_loop") yield* source(member(config, "data_source"), ["data_source"]);
  if (type === "data_transform") {
    yield* source(member(config, "input_source"), ["input_source"]);
    for (const [at, operation] of items(member(config, "operations"))) {
      if (isObject(operation)) {
        yield* source(member(operation, "right_source"), ["operations", at, "right_source"]);
      }
    }
  }
  if (type === "pipeline" && isObject(member(config, "pipeline"))) {
    for (const [at, output] of items(member(config, "outputs"))) {
      if (isObject(output)) yield* source(member(output, "path"), ["outputs", at, "path"]);
      else yield* source(output, ["outputs", at]);
    }
  }
}

function* source(value: Json, path: Path): Generator<Mention> {
  const match = typeof value === "string" ? SOURCE.exec(value) : null;
  if (match === null || match[0].includes("{{")) return;
  const found = mention(match, { path, place: path, start: 0 }, IN_SOURCE);
  if (found.name !== "" && found.name !== "context") yield found;
}

interface Part {
  readonly path: Path;
  readonly place: Path;
  readonly start: number;
}

function* templates(text: string, path: Path): Generator<Mention> {
  for (const template of text.matchAll(TEMPLATE)) {
    const expression = template[1] ?? "";
    const part = { path, place: path, start: template.index + 2 };
    const only = ONLY_STEPS.exec(expression);
    if (only !== null) {
      yield mention(only, part, WORDS);
      continue;
    }
    for (const match of expression.matchAll(STEPS)) yield mention(match, part, WORD);
    for (const match of expression.matchAll(PREVIOUS)) yield mention(match, part, SPACED);
    yield* namesIn(expression, part, false);
  }
}

/** The names outside quotes that may be steps; without `bare` only those with a path. */
function* namesIn(expression: string, part: Part, bare: boolean): Generator<Mention> {
  const unquoted = expression.replace(QUOTED, (quoted) => " ".repeat(quoted.length));
  for (const match of unquoted.matchAll(NAMED)) {
    const { root, name = "", rest } = match.groups ?? {};
    // These are of variables, which have names of their own.
    if (root === "state." || root === "variables.") continue;
    if ((root || !OTHER_ROOTS.has(name)) && (bare || rest)) yield mention(match, part, root ? ROOTED : BARE);
  }
}

function mention(match: RegExpMatchArray, part: Part, grammar: RegExp): Mention {
  const raw = match.groups?.["name"] ?? "";
  const name = raw.replace(BLANKS, "");
  const start = part.start + (match.indices?.groups?.["name"]?.[0] ?? 0) + raw.indexOf(name);
  return { name, path: part.path, place: part.place, start, end: start + name.length, grammar };
}

function hasOwnRule(type: string, path: Path): boolean {
  const isInner = type === "pipeline" && path[0] === "pipeline";
  const isOfItem = path[0] === "operations" && path.at(-1) === "condition";
  return isInner || isOfItem || CONDITIONS.includes(String(path[0]));
}

/** Yield every text in a value with the path to it. */
function* texts(value: Json, path: Path): Generator<[Path, string]> {
  if (typeof value === "string") yield [path, value];
  else if (isObject(value)) {
    for (const key of Object.keys(value)) yield* texts(member(value, key), [...path, key]);
  } else for (const [at, item] of items(value)) yield* texts(item, [...path, at]);
}

const items = (value: Json): [number, Json][] =>
  Array.isArray(value) ? value.map((item: Json, at) => [at, item]) : [];
