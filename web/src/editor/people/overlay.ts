/**
 * The others on the canvas, as elements of an overlay that are written once per animation frame and by
 * no component: twenty cursors as state of the page cost twice as much. Everything has its size whatever
 * the zoom, so positions are in pixels of the window, from the corner of the canvas's plane.
 */
import type { Other } from "pipeloom-client";
import { personColor } from "../../theme/people";
import { shortNames } from "./names";
import styles from "./overlay.module.css";

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What is drawn; rectangles are in canvas pixels. */
/** A step on the canvas; `isMine`: it is selected here, too. */
interface Shape extends Rect {
  readonly isContainer: boolean;
  readonly isMine: boolean;
  /** A pin of its comments stands at its corner. */
  readonly hasPin: boolean;
}

export interface Scene {
  readonly others: readonly Other[];
  /** Where the plane's corner is in the canvas, and the zoom. */
  readonly transform: readonly [x: number, y: number, zoom: number];
  readonly width: number;
  readonly height: number;
  /** Where a step is drawn; null where it is not. */
  readonly rectOf: (stepId: string) => Shape | null;
  /** Where a step stands in the document. */
  readonly standsAt: (stepId: string) => { readonly x: number; readonly y: number } | null;
}

const STILL_MS = 10_000;

/** A step that is drawn narrower than this has no name tags. */
const NARROW = 70;

interface Cursor {
  readonly element: HTMLElement;
  at: Other["cursor"];
  movedAt: number;
}

interface Mark {
  readonly element: HTMLElement;
  people: string;
}

interface Holder {
  readonly other: Other;
  readonly isMoving: boolean;
}

export class Overlay {
  private readonly layer = made("div", styles["layer"]);
  private readonly cursors = new Map<number, Cursor>();
  private readonly marks = new Map<string, Mark>();
  private readonly ghosts = new Map<string, HTMLElement>();
  private zoom = 1;
  private others: readonly Other[] = [];
  private names: ReadonlyMap<string, string> = new Map();

  /** Ghosts lie on the plane itself, below the steps; everything else above. */
  constructor(
    root: HTMLElement,
    private readonly plane: HTMLElement,
  ) {
    root.replaceChildren(this.layer);
  }

  /** Draw; return in how many milliseconds something fades, if nothing happens before. */
  draw(scene: Scene, now: number): number {
    const [x, y, zoom] = scene.transform;
    write(this.layer, "transform", `translate(${x}px, ${y}px)`);
    // While the plane is zoomed everything stays where it is on it, so nothing is eased.
    this.layer.classList.toggle(styles["zooming"] ?? "", zoom !== this.zoom);
    this.zoom = zoom;
    if (scene.others !== this.others) this.names = shortNames(scene.others);
    this.others = scene.others;
    this.drawMarks(scene);
    return this.drawCursors(scene, now);
  }

  private drawCursors({ others, transform: [, , zoom] }: Scene, now: number): number {
    let next = Infinity;
    const gone = new Set(this.cursors.keys());
    for (const { clientId, user, cursor } of others) {
      if (cursor === null) continue;
      gone.delete(clientId);
      const each = this.cursors.get(clientId) ?? this.newCursor(clientId, user);
      if (each.at?.x !== cursor.x || each.at.y !== cursor.y) [each.at, each.movedAt] = [cursor, now];
      const left = each.movedAt + STILL_MS - now;
      if (left > 0) next = Math.min(next, left);
      write(each.element, "transform", `translate(${cursor.x * zoom}px, ${cursor.y * zoom}px)`);
      write(each.element, "opacity", left > 0 ? "1" : "0");
    }
    for (const clientId of gone) removed(this.cursors, clientId)?.element.remove();
    return next;
  }

  private newCursor(clientId: number, user: Other["user"]): Cursor {
    const element = made("div", styles["cursor"], arrow(), made("span", "", this.nameOf(user)));
    element.style.setProperty("--person", personColor(user.id));
    this.layer.append(element);
    const cursor: Cursor = { element, at: null, movedAt: 0 };
    this.cursors.set(clientId, cursor);
    return cursor;
  }

  private nameOf({ id, name }: Other["user"]): string {
    return this.names.get(id) ?? name;
  }

  private drawMarks(scene: Scene): void {
    const held = holdersOf(scene.others);
    const gone = new Set(this.marks.keys());
    const standing = new Set(this.ghosts.keys());
    for (const [id, holders] of held) {
      const rect = scene.rectOf(id);
      if (rect === null) continue;
      if (holders.some(({ isMoving }) => isMoving)) this.drawGhost(scene.standsAt(id), id, rect, standing);
      if (!isSeen(rect, scene)) continue;
      gone.delete(id);
      this.drawMark(id, holders, rect, scene.transform[2]);
    }
    for (const id of gone) removed(this.marks, id)?.element.remove();
    for (const id of standing) removed(this.ghosts, id)?.remove();
  }

  private drawMark(id: string, holders: readonly Holder[], rect: Shape, zoom: number): void {
    const mark = this.marks.get(id) ?? this.newMark(id);
    const { classList } = mark.element;
    classList.toggle(styles["moving"] ?? "", holders.some(({ isMoving }) => isMoving));
    classList.toggle(styles["holds"] ?? "", rect.isContainer);
    classList.toggle(styles["mine"] ?? "", rect.isMine);
    classList.toggle(styles["pinned"] ?? "", rect.hasPin);
    classList.toggle(styles["small"] ?? "", rect.width * zoom < NARROW);
    put(mark.element, rect, zoom);
    const people = holders.map(({ other: { user }, isMoving }) => `${user.id} ${this.nameOf(user)} ${isMoving}`).join("\n");
    if (people === mark.people) return;
    mark.people = people;
    const tags = holders.map((holder) => nameTag(holder, this.nameOf(holder.other.user)));
    mark.element.replaceChildren(...holders.map(outline), made("div", styles["names"], ...tags));
  }

  private newMark(id: string): Mark {
    const element = made("div", styles["mark"]);
    element.dataset["step"] = id;
    this.layer.append(element);
    const mark = { element, people: "" };
    this.marks.set(id, mark);
    return mark;
  }

  private drawGhost(at: ReturnType<Scene["standsAt"]>, id: string, { width, height }: Rect, standing: Set<string>): void {
    if (at === null) return;
    standing.delete(id);
    const ghost = this.ghosts.get(id) ?? made("div", styles["ghost"]);
    if (!ghost.isConnected) this.plane.append(ghost);
    this.ghosts.set(id, ghost);
    put(ghost, { ...at, width, height }, 1);
  }
}

/** Who has which step selected or moves it; each person once. */
function holdersOf(others: readonly Other[]): Map<string, Holder[]> {
  const held = new Map<string, Holder[]>();
  const hold = (id: string, other: Other, isMoving: boolean): void => {
    const holders = held.get(id) ?? [];
    held.set(id, holders);
    if (!holders.some((each) => each.other.user.id === other.user.id)) holders.push({ other, isMoving });
  };
  for (const other of others) for (const id of Object.keys(other.dragging ?? {})) hold(id, other, true);
  for (const other of others) for (const id of other.selection) hold(id, other, false);
  return held;
}

const MARGIN = 40;

function isSeen({ x, y, width, height }: Rect, { transform: [left, top, zoom], width: w, height: h }: Scene): boolean {
  const [a, b] = [x * zoom + left, y * zoom + top];
  return a < w + MARGIN && b < h + MARGIN && a + width * zoom > -MARGIN && b + height * zoom > -MARGIN;
}

function outline({ other: { user } }: Holder, at: number): HTMLElement {
  const element = made("i", "");
  element.style.setProperty("--person", personColor(user.id));
  element.style.setProperty("--nth", String(at));
  return element;
}

function nameTag({ other: { user }, isMoving }: Holder, name: string): HTMLElement {
  const tag = made("span", "", isMoving ? `${name} is moving` : name);
  tag.style.setProperty("--person", personColor(user.id));
  return tag;
}

function put(element: HTMLElement, { x, y, width, height }: Rect, zoom: number): void {
  write(element, "transform", `translate(${x * zoom}px, ${y * zoom}px)`);
  write(element, "width", `${width * zoom}px`);
  write(element, "height", `${height * zoom}px`);
}

const written = new WeakMap<HTMLElement, Record<string, string>>();

/** Write a style unless it is there: even a read of it would cost more than the comparison. */
function write(element: HTMLElement, name: "transform" | "opacity" | "width" | "height", value: string): void {
  const known = written.get(element) ?? {};
  if (known[name] === value) return;
  element.style[name] = value;
  written.set(element, { ...known, [name]: value });
}

function removed<K, V>(known: Map<K, V>, key: K): V | undefined {
  const value = known.get(key);
  known.delete(key);
  return value;
}

function made(tag: string, className: string | undefined, ...children: readonly (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

function arrow(): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M1 1v13l3.6-3.1 2.2 5 2.3-1-2.2-4.9H12z");
  svg.append(path);
  return svg;
}
