/** The REST API with this browser's token. */
import { token } from "./token";

/** A problem document (RFC 9457): the server's sentence on what went wrong. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Ask the API; raises ApiError with a sentence for people. */
export async function api<T>(path: string, init: { method?: string; body?: unknown } = {}): Promise<T> {
  const headers: Record<string, string> = { Authorization: `Bearer ${(await token()) ?? ""}` };
  const { method = "GET", body } = init;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const request = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const answer = await fetch(`/api${path}`, request).catch(() => {
    throw new ApiError(0, "The server cannot be reached.");
  });
  if (!answer.ok) throw new ApiError(answer.status, await sentence(answer));
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function sentence(answer: Response): Promise<string> {
  const problem = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
  return typeof problem?.detail === "string" ? problem.detail : `The server answered ${answer.status}.`;
}

export interface Profile {
  readonly id: string;
  readonly name: string;
  readonly avatar_url: string | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

export interface Team {
  readonly id: string;
  readonly name: string;
  readonly role: "owner" | "admin" | "member" | "viewer";
}

export interface ListedPipeline {
  readonly id: string;
  readonly team_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly status: "draft" | "active" | "archived";
  readonly tags: readonly string[];
  readonly is_template: boolean;
  readonly updated_at: string;
  readonly present: readonly Profile[];
}

export interface StepTypeShown {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly family: "model" | "flow" | "data" | "other";
  readonly slots: readonly { readonly name: string; readonly title: string; readonly keyed: boolean }[];
  readonly schema: JsonSchema;
}

/** The part of JSON Schema (2020-12) that forms are made of. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}
