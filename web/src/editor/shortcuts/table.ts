/**
 * All keys of the editor: handlers, hints on buttons and the dialog are made of this table alone. Browsers keep
 * mod+n, mod+t and mod+w to themselves, and some mod+1 to mod+9: what they keep has other keys as well.
 */

export interface Shortcut {
  /** As `keyOf` names them; what several do, any of them does. The first one is shown beside buttons. */
  readonly keys: readonly string[];
  /** What it does, for the dialog. */
  readonly does: string;
  readonly group: "Pipeline" | "Views and panels" | "Walk the canvas" | "Steps" | "Tools" | "Zoom";
  /**
   * Where it works: wherever the canvas is shown, or there only while the canvas has the focus or nothing has;
   * without it everywhere in the editor.
   */
  readonly on?: "canvas" | "focus";
  /** It types nothing, so it works in fields, too. */
  readonly isInFields?: true;
  /** The browser tells of it by an event of its own. */
  readonly isEvent?: true;
}

const TABLE = {
  help: { keys: ["?"], does: "Show these keys", group: "Pipeline" },
  save: { keys: ["mod+s"], does: "Apply what is edited as YAML, write a field; else say whether everything is saved", group: "Pipeline", isInFields: true },
  undo: { keys: ["mod+z"], does: "Undo", group: "Pipeline" },
  redo: { keys: ["mod+shift+z", "mod+y"], does: "Redo", group: "Pipeline" },
  exportYaml: { keys: ["e", "mod+e"], does: "Export as YAML", group: "Pipeline" },
  open: { keys: ["shift+o"], does: "Open another pipeline", group: "Pipeline" },
  create: { keys: ["shift+n"], does: "New pipeline", group: "Pipeline" },
  graph: { keys: ["mod+1", "1"], does: "Graph", group: "Views and panels" },
  code: { keys: ["mod+2", "2"], does: "Code", group: "Views and panels" },
  split: { keys: ["mod+3", "3"], does: "Graph and code", group: "Views and panels" },
  panels: { keys: ["mod+\\"], does: "Hide or show the panels", group: "Views and panels" },
  nextRegion: { keys: ["f6"], does: "Next region: bar, library, canvas, tools, properties, problems", group: "Views and panels", isInFields: true },
  previousRegion: { keys: ["shift+f6"], does: "Previous region", group: "Views and panels", isInFields: true },
  next: { keys: ["tab"], does: "Next step", group: "Walk the canvas", on: "focus" },
  previous: { keys: ["shift+tab"], does: "Previous step", group: "Walk the canvas", on: "focus" },
  part: { keys: ["."], does: "Next button or connection of the step", group: "Walk the canvas", on: "focus" },
  properties: { keys: ["enter"], does: "Open the properties", group: "Walk the canvas", on: "focus" },
  out: { keys: ["escape"], does: "Go out; cancel a drag, a connection, a tool; close the history", group: "Walk the canvas" },
  selectAll: { keys: ["mod+a"], does: "Select all", group: "Walk the canvas", on: "canvas" },
  nudge: { keys: ["arrowup", "arrowdown", "arrowleft", "arrowright"], does: "Move by 4", group: "Steps", on: "focus" },
  leap: { keys: ["shift+arrowup", "shift+arrowdown", "shift+arrowleft", "shift+arrowright"], does: "Move by 20", group: "Steps", on: "focus" },
  copy: { keys: ["mod+c"], does: "Copy", group: "Steps", on: "canvas", isEvent: true },
  cut: { keys: ["mod+x"], does: "Cut", group: "Steps", on: "canvas", isEvent: true },
  paste: { keys: ["mod+v"], does: "Paste, also from other pipelines and as YAML", group: "Steps", on: "canvas", isEvent: true },
  duplicate: { keys: ["mod+d"], does: "Duplicate", group: "Steps", on: "canvas" },
  remove: { keys: ["delete", "backspace"], does: "Delete", group: "Steps", on: "canvas" },
  fold: { keys: ["f"], does: "Fold or unfold containers", group: "Steps", on: "canvas" },
  add: { keys: ["a"], does: "Add a step", group: "Tools", on: "canvas" },
  search: { keys: ["/"], does: "Search the library", group: "Tools", on: "canvas" },
  link: { keys: ["l"], does: "Connect the step with another one", group: "Tools", on: "canvas" },
  select: { keys: ["v"], does: "Select and move", group: "Tools", on: "canvas" },
  comment: { keys: ["c", "m"], does: "Comment on the step, else where one clicks", group: "Tools", on: "canvas" },
  zoomIn: { keys: ["mod++", "+"], does: "Zoom in", group: "Zoom", on: "canvas" },
  zoomOut: { keys: ["mod+-", "-"], does: "Zoom out", group: "Zoom", on: "canvas" },
  fit: { keys: ["mod+0", "0"], does: "Fit everything", group: "Zoom", on: "canvas" },
} as const satisfies Readonly<Record<string, Shortcut>>;

export type Command = keyof typeof TABLE;

/** Those whose keys the page handles itself. */
export type KeyCommand = { [C in Command]: (typeof TABLE)[C] extends { readonly isEvent: true } ? never : C }[Command];

export const SHORTCUTS: Readonly<Record<Command, Shortcut>> = TABLE;

const BY_KEY = new Map(
  Object.entries(SHORTCUTS).flatMap(([command, { keys, isEvent }]) => (isEvent ? [] : keys.map((key) => [key, command as KeyCommand] as const))),
);

/** The command of a keystroke. */
export const commandOf = (key: string): KeyCommand | undefined => BY_KEY.get(key);

/** The key that is shown beside a button. */
export const keyFor = (command: Command): string => SHORTCUTS[command].keys[0] ?? "";
