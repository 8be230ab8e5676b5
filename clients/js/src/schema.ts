// Written by `python -m clients.js.schema` from the server's one schema; do not edit.
import type { Json, JsonObject } from "./values.js";

export const STEP_TYPES = ["bash", "break", "checkpoint", "claude", "claude_batch", "claude_extract", "claude_robust", "claude_session", "claude_smart", "codebase_query", "continue", "data_transform", "file_ops", "for_loop", "gemini", "gemini_instructor", "parallel_claude", "pipeline", "set_variable", "switch", "test_echo", "while_loop"] as const;
export const UNSUPPORTED = "unsupported" as const;
export const STATUSES = ["draft", "active", "archived"] as const;
export const MAIN_SLOT = "steps" as const;
export const UNNAMED_STEP = "unnamed" as const;
export const UNNAMED_PIPELINE = "Untitled pipeline" as const;
export const CO_EDITED_TEXTS = ["content", "description", "prompt"] as const;
export const LISTS_WITH_PROMPTS = ["conversation", "parallel_tasks", "tasks"] as const;
export const MAX_NAME = 500 as const;
export const MAX_TYPE = 100 as const;
export const MAX_PORT = 250 as const;
export const MAX_SLOT = 100 as const;
export const MAX_TAG = 100 as const;
export const MAX_TAGS = 100 as const;
export const MAX_ORDER = 200 as const;
export const MAX_LEVELS = 64 as const;
export const LARGEST_NUMBER = 1e+308 as const;
export const FARTHEST = 1000000000.0 as const;

/** Which values a field takes, and what stands for it where it is missing (`default`). */
export interface Field {
  readonly kind: "flag" | "text" | "choice" | "json" | "object" | "id" | "order" | "pair" | "tags";
  readonly default: Json;
  readonly required?: true;
  readonly nullable?: true;
  /** The same value in the document, in its column and in REST. */
  readonly plain?: true;
  /** Of a text: its longest length, in code points. */
  readonly limit?: number;
  readonly blank?: true;
  readonly words?: readonly string[];
  readonly keys?: readonly [string, string];
  readonly above?: number;
}

export const STEP: Readonly<Record<keyof StepFields, Field>> = {
  name: {"kind": "text", "limit": 500, "default": null, "required": true},
  type: {"kind": "text", "limit": 100, "default": null, "required": true},
  enabled: {"kind": "flag", "default": true, "plain": true},
  parent_step_id: {"kind": "id", "default": null, "nullable": true},
  slot: {"kind": "text", "limit": 100, "default": "steps"},
  order: {"kind": "order", "default": null},
  position: {"kind": "pair", "keys": ["x", "y"], "above": -1000000000.0, "default": {"x": 0.0, "y": 0.0}},
  size: {"kind": "pair", "keys": ["width", "height"], "above": 0, "default": {"width": 200.0, "height": 100.0}},
  config: {"kind": "object", "default": {}},
};

export const CONNECTION: Readonly<Record<keyof ConnectionFields, Field>> = {
  from_step_id: {"kind": "id", "default": null, "required": true},
  to_step_id: {"kind": "id", "default": null, "required": true},
  from_output: {"kind": "text", "limit": 250, "default": "output"},
  to_input: {"kind": "text", "limit": 250, "default": "input"},
  path_data: {"kind": "json", "default": null, "nullable": true, "plain": true},
};

export const SETTINGS: Readonly<Record<keyof SettingsFields, Field>> = {
  name: {"kind": "text", "limit": 500, "default": null, "required": true},
  description: {"kind": "text", "limit": 100000, "blank": true, "default": null, "nullable": true},
  tags: {"kind": "tags", "default": []},
  config: {"kind": "object", "default": {}},
  defaults: {"kind": "object", "default": {}},
  authentication: {"kind": "object", "default": {}},
  yaml_version: {"kind": "text", "limit": 100, "default": "v2", "plain": true},
  status: {"kind": "choice", "words": ["draft", "active", "archived"], "default": "draft", "plain": true},
  is_template: {"kind": "flag", "default": false, "plain": true},
};

/** The codes of the diagnostics that this library finds, and how severe each is. */
export const SEVERITIES = {
  invalid_key: "error",
  not_a_map: "error",
  missing_name: "warning",
  unsupported_type: "warning",
  invalid_value: "warning",
  text_cut: "warning",
  unstorable_text: "warning",
  unstorable_number: "warning",
  nested_too_deep: "warning",
  dangling_parent: "warning",
  parent_cycle: "warning",
  duplicate_name: "warning",
  unusable_order: "warning",
  dangling_connection: "error",
  duplicate_connection: "error",
} as const;

export type StepType = (typeof STEP_TYPES)[number];
export type Status = (typeof STATUSES)[number];
export type DiagnosticCode = keyof typeof SEVERITIES;

/** What a step may be given; the rest has defaults. */
export interface StepFields {
  /** By which other steps refer to it: unique among its siblings. */
  readonly name: string;
  /** What it does. */
  readonly type: string;
  /** Whether it runs. */
  readonly enabled?: boolean;
  /** The step it is inside of. */
  readonly parent_step_id?: string | null;
  /** The list of the parent it stands in. */
  readonly slot?: string;
  /** Its place among its siblings. */
  readonly order?: string;
  /** In canvas pixels, from the corner of its parent; y grows downwards. */
  readonly position?: { readonly x: number; readonly y: number };
  /** In canvas pixels. */
  readonly size?: { readonly width: number; readonly height: number };
  /** What its type asks for. */
  readonly config?: JsonObject;
}

/** What a connection may be given. */
export interface ConnectionFields {
  readonly from_step_id: string;
  readonly to_step_id: string;
  readonly from_output?: string;
  readonly to_input?: string;
  /** How the canvas draws it: any JSON value. */
  readonly path_data?: Json | null;
}

/** What the settings may be given. */
export interface SettingsFields {
  readonly name: string;
  readonly description?: string | null;
  readonly tags?: readonly string[];
  readonly config?: JsonObject;
  readonly defaults?: JsonObject;
  readonly authentication?: JsonObject;
  readonly yaml_version?: string;
  readonly status?: "draft" | "active" | "archived";
  readonly is_template?: boolean;
}

/** A step as the tables and REST show it: every field is there and of its type. */
export interface Step {
  readonly id: string;
  readonly supported: boolean;
  readonly order_index: number;
  /** By which other steps refer to it: unique among its siblings. */
  readonly name: string;
  /** What it does. */
  readonly type: string;
  /** Whether it runs. */
  readonly enabled: boolean;
  /** The step it is inside of. */
  readonly parent_step_id: string | null;
  /** The list of the parent it stands in. */
  readonly slot: string;
  /** In canvas pixels, from the corner of its parent; y grows downwards. */
  readonly position: { readonly x: number; readonly y: number };
  /** In canvas pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** What its type asks for. */
  readonly config: JsonObject;
}

/** A connection as the tables and REST show it; both its ends exist. */
export interface Connection {
  readonly id: string;
  readonly from_step_id: string;
  readonly to_step_id: string;
  readonly from_output: string;
  readonly to_input: string;
  /** How the canvas draws it: any JSON value. */
  readonly path_data: Json | null;
}

/** The pipeline's settings as the tables and REST show them. */
export interface Settings {
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly config: JsonObject;
  readonly defaults: JsonObject;
  readonly authentication: JsonObject;
  readonly yaml_version: string;
  readonly status: "draft" | "active" | "archived";
  readonly is_template: boolean;
}
