/** Who else is in a pipeline, and what this page shows of its own user. */
import type { Awareness } from "y-protocols/awareness";
import type { TextRange } from "./carets.js";
import { isPair } from "./refusals.js";
import { STEP } from "./schema.js";
import { isEntryId, isObject, type Json, member, read, textOr } from "./values.js";
import type { Point } from "./verbs.js";
import type { Path } from "./writing.js";

/** What a page shows of its user; null takes a part back. Positions are in canvas pixels. */
export interface Presence {
  readonly cursor?: Point | null;
  readonly selection?: readonly string[];
  /** Steps that are being dragged, and where they are; commit them when the drag ends. */
  readonly dragging?: Readonly<Record<string, Point>> | null;
  readonly status?: string;
  readonly field?: EditedField | null;
  /** What part of the canvas is seen, so that others can follow. */
  readonly viewport?: Rectangle | null;
}

export interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}

/** The field of a step that a user is in. */
export interface EditedField {
  readonly step: string;
  /** Where it is in the step: `["name"]`, or `["config", "prompt", 0, "content"]`. */
  readonly path: Path;
  /** Whether the user has typed there just now. */
  readonly typing: boolean;
  /** What is selected in a shared text, by `rangeIn`. */
  readonly range: TextRange | null;
}

/** Another client; every field is there and of its type, whatever that client has sent. */
export interface Other extends Required<Presence> {
  readonly clientId: number;
  /** The server writes it, from the user's token. */
  readonly user: { readonly id: string; readonly name: string; readonly color: string; readonly avatar_url: string | null };
}

const COLOR = /^#[0-9a-f]{3,8}$/i;

const point = (value: Json): Point | null =>
  isObject(value) && isPair(STEP.position, value) ? { x: Number(value["x"]), y: Number(value["y"]) } : null;

function rectangle(value: Json): Rectangle | null {
  const corner = point(value);
  if (corner === null || !isObject(value) || !isPair(STEP.size, value)) return null;
  return { ...corner, width: Number(value["width"]), height: Number(value["height"]) };
}

const MOST_LEVELS = 20;

function rangeOf(value: Json): TextRange | null {
  if (!isObject(value)) return null;
  const [anchor, head] = [member(value, "anchor"), member(value, "head")];
  return isObject(anchor) && isObject(head) ? { anchor, head } : null;
}

function editedField(value: Json): EditedField | null {
  if (!isObject(value)) return null;
  const [step, path] = [member(value, "step"), member(value, "path")];
  if (!isEntryId(step) || !Array.isArray(path) || path.length > MOST_LEVELS) return null;
  const isPath = path.every((key) => typeof key === "string" || typeof key === "number");
  return isPath ? { step, path, typing: member(value, "typing") === true, range: rangeOf(member(value, "range")) } : null;
}

/** Read one state, null if it is none that has a user. */
export function otherOf(clientId: number, state: unknown): Other | null {
  const value = read(state);
  const user = isObject(value) ? member(value, "user") : null;
  if (!isObject(value) || !isObject(user)) return null;
  const selection = member(value, "selection");
  const dragging = member(value, "dragging");
  const dragged = isObject(dragging) ? Object.entries(dragging).map(([id, at]) => [id, point(at)] as const) : [];
  const color = textOr(member(user, "color"), "");
  return {
    clientId,
    user: {
      id: textOr(member(user, "id"), ""),
      name: textOr(member(user, "name"), "Somebody"),
      color: COLOR.test(color) ? color : "#888888",
      avatar_url: textOr(member(user, "avatar_url"), "") || null,
    },
    cursor: point(member(value, "cursor")),
    selection: Array.isArray(selection) ? selection.filter(isEntryId) : [],
    dragging: isObject(dragging)
      ? Object.fromEntries(dragged.filter((each): each is readonly [string, Point] => each[1] !== null))
      : null,
    status: textOr(member(value, "status"), ""),
    field: editedField(member(value, "field")),
    viewport: rectangle(member(value, "viewport")),
  };
}

/** The other clients, those unchanged as the same objects as in `former`. */
export function othersIn(awareness: Awareness, former: ReadonlyMap<number, readonly [unknown, Other]>): Map<number, readonly [unknown, Other]> {
  const others = new Map<number, readonly [unknown, Other]>();
  for (const [clientId, state] of awareness.getStates()) {
    if (clientId === awareness.clientID) continue;
    const known = former.get(clientId);
    const other = known?.[0] === state ? known[1] : otherOf(clientId, state);
    if (other !== null) others.set(clientId, [state, other]);
  }
  return others;
}
