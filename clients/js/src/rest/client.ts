/**
 * The REST API, typed from the server's OpenAPI document (`docs/api.md`): lists of pipelines, versions,
 * comments and what else is not in the document. Edits of an open pipeline are the verbs' business.
 */
import type { components, paths } from "./types.js";

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Team = Schemas["Team"];
export type UserProfile = Schemas["UserProfile"];
export type Pipeline = Schemas["Pipeline"];
export type ListedPipeline = Schemas["ListedPipeline"];
export type DeletedPipeline = Schemas["DeletedPipeline"];
export type DeletedTeam = Schemas["DeletedTeam"];
export type Finding = Schemas["Finding"];
export type Validation = Schemas["Validation"];
export type Comment = Schemas["Comment"];
export type Version = Schemas["Version"];
/** A version with the person who saved it. */
export type ListedVersion = Schemas["ListedVersion"];
export type WholeVersion = Schemas["WholeVersion"];
export type Difference = Schemas["Difference"];
export type Restored = Schemas["Restored"];
export type Diagnostic = Schemas["Diagnostic"];
export type Template = Schemas["TemplateSummary"];
export type TeamOverview = Schemas["TeamOverview"];
export type Member = Schemas["Member"];
/** An open invitation, as the team sees it. */
export type Invitation = Schemas["Invitation"];
/** A link by which whoever has it joins a team. */
export type InvitationLink = Schemas["InvitationLink"];
/** Such a link just made, with its secret, which is shown this once. */
export type NewInvitationLink = Schemas["NewInvitationLink"];
/** What a link offers to whoever has it. */
export type LinkOffer = Schemas["Offer"];
/** An open invitation, as the invited sees it. */
export type MyInvitation = Schemas["MyInvitation"];
export type Session = Schemas["Session"];
export type Problem = Schemas["Problem"];
export type StepTypeInfo = Omit<Schemas["StepTypeShown"], "schema"> & { readonly schema: JsonSchema };

/** A schema of a step or of a part of it, in the keywords of JSON Schema 2020-12 that the server uses. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** A page of a list; `next_cursor` is the `cursor` of the next one, null on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

export interface RestOptions {
  /** The server, such as `https://pipeloom.example`; by default that of the page. */
  readonly url?: string;
  /** Returns a token; called for each request. Null means that nobody is signed in. */
  readonly token: () => string | null | Promise<string | null>;
  readonly fetch?: typeof fetch;
}

/** What went wrong, in the server's codes (docs/api.md), or why there is none of these. */
export type ErrorCode = Problem["code"] | "unreachable" | "unknown";

/** A request that the server refused, or that did not reach it (then `status` is 0). */
export class RestError extends Error {
  override readonly name = "RestError";

  constructor(
    readonly status: number,
    readonly code: ErrorCode,
    /** What the server answered: `detail`, with 422 `errors`, with 412 `current`, with 403 `roles`. */
    readonly problem: Problem | null,
    message: string,
    /** Seconds after which the server asks to try again, with 429 and 503. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
/** The paths that have a method. */
export type Path<M extends Method> = {
  [P in keyof paths]: [Operation<P, M>] extends [never] ? never : P;
}[keyof paths];

/** What is undefined or null is left out of the address. */
type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined | null };
// Distributed over operations once: each factor by itself would multiply.
type Parts<O> = O extends unknown ? InPath<O> & InQuery<O> & InBody<O> : never;
type InPath<O> = O extends { parameters: { path: infer T extends object } } ? { readonly path: T } : object;
type InQuery<O> = O extends { parameters: { query: infer T extends object } }
  ? { readonly query: T }
  : O extends { parameters: { query?: infer T extends object } }
    ? { readonly query?: Optional<T> }
    : object;
type InBody<O> = O extends { requestBody: { content: { "application/json": infer T } } }
  ? { readonly body: T }
  : O extends { requestBody?: { content: { "application/json": infer T } } }
    ? { readonly body?: T }
    : O extends { requestBody: { content: { "application/yaml": unknown } } }
      ? { readonly yaml: string }
      : object;

/** What a request takes: the parts that the API has for it, and what every request may have. */
export type Given<O> = Parts<O> & {
  /** The ETag of the state that is to be edited; another one makes the server answer with 412. */
  readonly ifMatch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

type Arguments<O> = object extends Parts<O> ? [Given<O>?] : [Given<O>];

/** What a request is answered with; undefined where there is no body. */
export type Answer<O> = O extends { responses: infer R }
  ? R extends { 200: { content: { "application/json": infer T } } } | { 201: { content: { "application/json": infer T } } }
    ? T
    : R extends { 200: { content: { "application/yaml": unknown } } }
      ? string
      : undefined
  : never;

/** Parts of any request, as the code below reads them. */
export interface AnyParts {
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly yaml?: string;
  readonly ifMatch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a write is answered with, and the transaction that has written the rows. */
export interface Written<T> {
  readonly data: T;
  /** What `awaitTxId` of TanStack DB waits for; null if nothing was written, or if it is not known. */
  readonly transactionId: number | null;
}

type Query<P extends Path<"get">> = NonNullable<Given<Operation<P, "get">> extends { query?: infer Q } ? Q : never>;

/** Options of requests that only read. */
export interface Reading {
  readonly signal?: AbortSignal | undefined;
}

/** Requests by what they are for. Each resolves to what the server answers, or rejects with a `RestError`. */
export class RestClient {
  private readonly base: string;
  private types: Promise<ReadonlyMap<string, StepTypeInfo>> | undefined;

  constructor(private readonly options: RestOptions) {
    this.base = `${(options.url ?? globalThis.location?.origin ?? "").replace(/\/+$/, "")}/api`;
  }

  /** Make any request of the API: `call("get", "/pipelines/{pipeline_id}", {path: {pipeline_id}})`. */
  async call<M extends Method, P extends Path<M>>(
    method: M,
    path: P,
    ...given: Arguments<Operation<P, M>>
  ): Promise<Answer<Operation<P, M>>> {
    const [parts = {}] = given as unknown as readonly AnyParts[];
    const [data] = await this.answered(method, path, parts);
    return data as Answer<Operation<P, M>>;
  }

  /** Make a request that writes: as `call`, with the number by which shapes show what it has written. */
  async write<M extends Exclude<Method, "get">, P extends Path<M>>(
    method: M,
    path: P,
    ...given: Arguments<Operation<P, M>>
  ): Promise<Written<Answer<Operation<P, M>>>> {
    const [parts = {}] = given as unknown as readonly AnyParts[];
    const [data, headers] = await this.answered(method, path, parts);
    const transactionId = headers.get("Transaction-Id");
    return {
      data: data as Answer<Operation<P, M>>,
      transactionId: transactionId === null ? null : Number(transactionId),
    };
  }

  readonly me = (): Promise<Me> => this.call("get", "/me");
  readonly teams = (query: Query<"/teams"> = {}): Promise<Page<Team>> => this.call("get", "/teams", { query });

  /** The teams of one's own that were deleted and can be brought back, and the way back for owners. */
  readonly deletedTeams = {
    list: (query: Query<"/deleted-teams"> = {}): Promise<Page<DeletedTeam>> => this.call("get", "/deleted-teams", { query }),
    bringBack: (team_id: string): Promise<Team> =>
      this.call("post", "/deleted-teams/{team_id}/restore", { path: { team_id } }),
  };

  /** How many pipelines and templates a team has, and which tags. */
  readonly overview = (team_id: string): Promise<TeamOverview> =>
    this.call("get", "/teams/{team_id}/overview", { path: { team_id } });

  readonly members = {
    list: (team_id: string, query: Query<"/teams/{team_id}/members"> = {}): Promise<Page<Member>> =>
      this.call("get", "/teams/{team_id}/members", { path: { team_id }, query }),
    /** Add a colleague of another team that one owns, by `email` or `user_id`; everybody else is invited. */
    add: (team_id: string, body: Schemas["Invited"]): Promise<Member | Invitation> =>
      this.call("post", "/teams/{team_id}/members", { path: { team_id }, body }),
  };

  readonly invitations = {
    list: (team_id: string, query: Query<"/teams/{team_id}/invitations"> = {}): Promise<Page<Invitation>> =>
      this.call("get", "/teams/{team_id}/invitations", { path: { team_id }, query }),
    /** Invite somebody by `email` or `user_id`; the answer is the same whether or not they have an account. */
    create: (team_id: string, body: Schemas["Invited"]): Promise<Invitation> =>
      this.call("post", "/teams/{team_id}/invitations", { path: { team_id }, body }),
    withdraw: (team_id: string, invitation_id: string): Promise<undefined> =>
      this.call("delete", "/teams/{team_id}/invitations/{invitation_id}", { path: { team_id, invitation_id } }),
    /** The teams to which one is invited. */
    mine: (query: Query<"/me/invitations"> = {}): Promise<Page<MyInvitation>> => this.call("get", "/me/invitations", { query }),
    accept: (invitation_id: string): Promise<Team> =>
      this.call("post", "/me/invitations/{invitation_id}/accept", { path: { invitation_id } }),
    decline: (invitation_id: string): Promise<undefined> =>
      this.call("post", "/me/invitations/{invitation_id}/decline", { path: { invitation_id } }),
  };

  readonly links = {
    list: (team_id: string, query: Query<"/teams/{team_id}/invitation-links"> = {}): Promise<Page<InvitationLink>> =>
      this.call("get", "/teams/{team_id}/invitation-links", { path: { team_id }, query }),
    /** Its address is that of the page followed by `path`. */
    create: (team_id: string, body: Schemas["LinkWanted"] = {}): Promise<NewInvitationLink> =>
      this.call("post", "/teams/{team_id}/invitation-links", { path: { team_id }, body }),
    revoke: (team_id: string, link_id: string): Promise<undefined> =>
      this.call("delete", "/teams/{team_id}/invitation-links/{link_id}", { path: { team_id, link_id } }),
    /** To which team the secret of a link leads, and in which role; nobody has to be signed in. */
    offer: (secret: string): Promise<LinkOffer> => this.asGuest(secret).call("get", "/invitation-links/offer"),
    accept: (secret: string): Promise<Team> => this.call("post", "/invitation-links/accept", { body: { secret } }),
    /** Get an account and join, where the offer `gives_accounts`; keep the `token` of the answer. */
    join: (secret: string, body: Schemas["Newcomer"]): Promise<Schemas["Joined"]> =>
      this.asGuest(secret).call("post", "/invitation-links/join", { body }),
  };

  /** The secret of a link stands in place of a token. */
  private asGuest(secret: string): RestClient {
    return new RestClient({ ...this.options, token: () => secret });
  }

  /** Every type of steps by its name. It is read once; after a failure the next call tries again. */
  stepTypes(): Promise<ReadonlyMap<string, StepTypeInfo>> {
    this.types ??= this.call("get", "/step-types").then(
      ({ items }) => new Map(items.map((each) => [each.type, each as StepTypeInfo])),
    );
    this.types.catch(() => (this.types = undefined));
    return this.types;
  }

  readonly pipelines = {
    list: (query: Query<"/pipelines"> = {}, { signal }: Reading = {}): Promise<Page<ListedPipeline>> =>
      this.call("get", "/pipelines", { query, signal }),
    get: (id: string): Promise<Pipeline> => this.call("get", "/pipelines/{pipeline_id}", at(id)),
    create: (body: Schemas["NewPipeline"]): Promise<Schemas["Created"]> => this.call("post", "/pipelines", { body }),
    /** Create one from Pipeline YAML; `findings` of the answer say what is odd about it. */
    importYaml: (team_id: string, yaml: string): Promise<Schemas["Created"]> =>
      this.call("post", "/pipelines", { body: { team_id, yaml } }),
    fork: (id: string, body: Schemas["Fork"] = {}): Promise<Pipeline> =>
      this.call("post", "/pipelines/{pipeline_id}/fork", { ...at(id), body }),
    patch: (id: string, body: Schemas["PipelinePatch"], ifMatch?: string): Promise<Pipeline> =>
      this.call("patch", "/pipelines/{pipeline_id}", { ...at(id), body, ifMatch }),
    rename: (id: string, name: string): Promise<Pipeline> => this.pipelines.patch(id, { name }),
    archive: (id: string): Promise<Pipeline> => this.pipelines.patch(id, { status: "archived" }),
    delete: (id: string): Promise<undefined> => this.call("delete", "/pipelines/{pipeline_id}", at(id)),
    /** Those that were deleted and can be brought back. */
    deleted: (query: Query<"/deleted-pipelines"> = {}): Promise<Page<DeletedPipeline>> =>
      this.call("get", "/deleted-pipelines", { query }),
    bringBack: (id: string): Promise<Pipeline> =>
      this.call("post", "/deleted-pipelines/{pipeline_id}/restore", at(id)),
    presence: (id: string): Promise<Schemas["Presence"]> => this.call("get", "/pipelines/{pipeline_id}/presence", at(id)),
    diagnostics: (id: string, query: Query<"/pipelines/{pipeline_id}/diagnostics"> = {}): Promise<Page<Diagnostic>> =>
      this.call("get", "/pipelines/{pipeline_id}/diagnostics", { ...at(id), query }),
  };

  readonly yaml = {
    /** The pipeline as Pipeline YAML v2, and the tag of its state. */
    export: async (id: string, { signal }: Reading = {}): Promise<{ readonly yaml: string; readonly etag: string }> => {
      const [yaml, headers] = await this.answered("get", "/pipelines/{pipeline_id}/yaml", { ...at(id), signal });
      return { yaml: String(yaml), etag: headers.get("ETag") ?? "" };
    },
    /** Make the pipeline equal to a file, by the smallest edits; with `ifMatch` only from that state. */
    apply: (id: string, yaml: string, ifMatch?: string): Promise<Validation> =>
      this.call("put", "/pipelines/{pipeline_id}/yaml", { ...at(id), yaml, ifMatch }),
    /** What is odd about a file; nothing is stored. */
    validate: (yaml: string, { signal }: Reading = {}): Promise<Validation> =>
      this.call("post", "/validate", { yaml, signal }),
  };

  readonly versions = {
    list: (id: string, query: Query<"/pipelines/{pipeline_id}/versions"> = {}): Promise<Page<ListedVersion>> =>
      this.call("get", "/pipelines/{pipeline_id}/versions", { ...at(id), query }),
    get: (id: string, number: number): Promise<WholeVersion> =>
      this.call("get", "/pipelines/{pipeline_id}/versions/{number}", { path: { pipeline_id: id, number } }),
    save: (id: string, name: string, change_summary?: string): Promise<Version> =>
      this.call("post", "/pipelines/{pipeline_id}/versions", {
        ...at(id),
        body: { name, ...(change_summary === undefined ? {} : { change_summary }) },
      }),
    /** What differs between two versions; without `to`, between a version and the present state. */
    compare: (id: string, from: number, to?: number): Promise<Difference> =>
      this.call("get", "/pipelines/{pipeline_id}/versions/diff", { ...at(id), query: to === undefined ? { from } : { from, to } }),
    /** Restore a version whole, or only these steps of it. */
    restore: (id: string, number: number, steps?: readonly string[]): Promise<Restored> =>
      this.call("post", "/pipelines/{pipeline_id}/versions/{number}/restore", {
        path: { pipeline_id: id, number },
        ...(steps && { body: { steps } }),
      }),
    /** Who edited the pipeline, when. */
    history: (id: string, query: Query<"/pipelines/{pipeline_id}/history"> = {}): Promise<Page<Schemas["Edits"]>> =>
      this.call("get", "/pipelines/{pipeline_id}/history", { ...at(id), query }),
  };

  readonly comments = {
    list: (id: string, query: Query<"/pipelines/{pipeline_id}/comments"> = {}): Promise<Page<Comment>> =>
      this.call("get", "/pipelines/{pipeline_id}/comments", { ...at(id), query }),
    add: (id: string, body: Schemas["NewComment"]): Promise<Comment> =>
      this.call("post", "/pipelines/{pipeline_id}/comments", { ...at(id), body }),
    patch: (id: string, comment_id: string, body: Schemas["CommentPatch"]): Promise<Comment> =>
      this.call("patch", "/pipelines/{pipeline_id}/comments/{comment_id}", {
        path: { pipeline_id: id, comment_id },
        body,
      }),
    resolve: (id: string, comment_id: string, resolved = true): Promise<Comment> =>
      this.comments.patch(id, comment_id, { resolved }),
    remove: (id: string, comment_id: string): Promise<undefined> =>
      this.call("delete", "/pipelines/{pipeline_id}/comments/{comment_id}", { path: { pipeline_id: id, comment_id } }),
  };

  readonly templates = {
    list: (query: Query<"/templates"> = {}): Promise<Page<Template>> => this.call("get", "/templates", { query }),
    get: (template_id: string): Promise<Schemas["Template"]> =>
      this.call("get", "/templates/{template_id}", { path: { template_id } }),
    /** Make a template of a pipeline as it is now. */
    create: (body: Schemas["NewTemplate"]): Promise<Schemas["Template"]> => this.call("post", "/templates", { body }),
    remove: (template_id: string): Promise<undefined> =>
      this.call("delete", "/templates/{template_id}", { path: { template_id } }),
    /** Create a pipeline from a template. */
    instantiate: (template_id: string, body: Schemas["Instance"]): Promise<Pipeline> =>
      this.call("post", "/templates/{template_id}/instantiate", { path: { template_id }, body }),
  };

  private async answered(method: Method, path: string, parts: AnyParts): Promise<[data: unknown, headers: Headers]> {
    const answer = await this.fetched(method, path, parts);
    if (!answer.ok) throw await refused(answer);
    const type = answer.headers.get("Content-Type") ?? "";
    const data = answer.status === 204 ? undefined : await (type.includes("json") ? answer.json() : answer.text());
    return [data, answer.headers];
  }

  /** The address of a request that somebody else makes. */
  address(path: keyof paths, parts: Pick<AnyParts, "path" | "query">): string {
    return `${this.base}${address(path, parts)}`;
  }

  private async fetched(method: Method, path: string, parts: AnyParts): Promise<Response> {
    const { body, yaml, ifMatch, signal } = parts;
    const headers = new Headers();
    const token = await this.options.token();
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    if (ifMatch !== undefined) headers.set("If-Match", ifMatch);
    if (body !== undefined) headers.set("Content-Type", "application/json");
    if (yaml !== undefined) headers.set("Content-Type", "application/yaml");
    const content = yaml ?? (body === undefined ? null : JSON.stringify(body));
    const init = { method: method.toUpperCase(), headers, body: content, signal: signal ?? null };
    try {
      return await (this.options.fetch ?? fetch)(`${this.base}${address(path, parts)}`, init);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new RestError(0, "unreachable", null, "the server cannot be reached: check the network, then try again");
    }
  }
}

const at = (pipeline_id: string): { readonly path: { readonly pipeline_id: string } } => ({ path: { pipeline_id } });

function address(path: string, { path: named = {}, query = {} }: AnyParts): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(named[name])));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null) asked.append(name, String(each));
    }
  }
  return asked.size > 0 ? `${filled}?${asked}` : filled;
}

async function refused(answer: Response): Promise<RestError> {
  const text = await answer.text().catch(() => "");
  let problem: Problem | null = null;
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // A proxy has answered, not the server.
  }
  const wait = Number(answer.headers.get("Retry-After") ?? Number.NaN);
  const message = problem?.detail ?? `the server answered with ${answer.status}`;
  return new RestError(answer.status, problem?.code ?? "unknown", problem, message, Number.isNaN(wait) ? null : wait);
}

/** Requests to a server. */
export const restClient = (options: RestOptions): RestClient => new RestClient(options);

/** Read a list page by page: `for await (const one of everyItem((page) => rest.teams(page)))`. */
export async function* everyItem<T>(read: (page: { cursor?: string }) => Promise<Page<T>>): AsyncGenerator<T> {
  let page = await read({});
  yield* page.items;
  while (page.next_cursor !== null) {
    page = await read({ cursor: page.next_cursor });
    yield* page.items;
  }
}
