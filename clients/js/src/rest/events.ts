/**
 * What happens beside a document, by Server-Sent Events: for pages without a room, which receives the
 * same events by itself. An `EventSource` cannot send a token, so each one opens with a ticket, which
 * is good once: after any break there is another ticket and another `EventSource`.
 */
import { type Comment, type Diagnostic, type RestClient, RestError, type Version } from "./client.js";
import { EVENT_KINDS } from "./types.js";

/** What has happened; `docs/api.md` lists the events. */
export type PipelineEvent =
  | {
      readonly event: "comment.created" | "comment.updated" | "comment.resolved" | "comment.deleted";
      readonly data: Comment;
    }
  | { readonly event: "version.created"; readonly data: Version }
  | {
      readonly event: "diagnostics.changed";
      readonly data: { readonly pipeline_id: string; readonly diagnostics: readonly Diagnostic[] };
    }
  | { readonly event: "pipeline.deleted"; readonly data: { readonly pipeline_id: string } };

export interface ListenOptions {
  readonly onEvent: (event: PipelineEvent) => void;
  /** Called whenever the stream has begun, also again: read the lists, since no event is kept meanwhile. */
  readonly onOpen?: () => void;
  /** Called once it is no use to try again: nobody is signed in, or the pipeline is gone or not the user's. */
  readonly onEnd?: (reason: RestError) => void;
  readonly EventSource?: typeof EventSource;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** Receive the events of a pipeline until the returned function is called. */
export function listen(rest: RestClient, pipeline: string, options: ListenOptions): () => void {
  const stream = new Stream(rest, pipeline, options);
  return () => stream.close();
}

class Stream {
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;
  #isOver = false;
  readonly #path: { readonly path: { readonly pipeline_id: string } };

  constructor(
    private readonly rest: RestClient,
    pipeline_id: string,
    private readonly options: ListenOptions,
  ) {
    this.#path = { path: { pipeline_id } };
    void this.#open();
  }

  close(): void {
    this.#isOver = true;
    this.#source?.close();
    clearTimeout(this.#timer);
  }

  async #open(): Promise<void> {
    try {
      const { ticket } = await this.rest.call("post", "/pipelines/{pipeline_id}/events/ticket", this.#path);
      if (!this.#isOver) this.#listen(ticket);
    } catch (error) {
      this.#failed(error);
    }
  }

  #listen(ticket: string): void {
    const address = this.rest.address("/pipelines/{pipeline_id}/events", { ...this.#path, query: { ticket } });
    const source = new (this.options.EventSource ?? EventSource)(address);
    this.#source = source;
    source.onopen = () => {
      this.#wait = FIRST_WAIT_MS;
      this.options.onOpen?.();
    };
    // It would try again by itself with the same ticket, in vain.
    source.onerror = () => {
      source.close();
      this.#again();
    };
    for (const kind of EVENT_KINDS) {
      source.addEventListener(kind, ({ data }: MessageEvent<string>) => this.#received(kind, data));
    }
  }

  #received(event: PipelineEvent["event"], data: string): void {
    if (!this.#isOver) this.options.onEvent({ event, data: JSON.parse(data) } as PipelineEvent);
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    const isFinal = error instanceof RestError && [401, 403, 404].includes(error.status);
    if (!isFinal) return this.#again(error instanceof RestError ? (error.retryAfter ?? 0) : 0);
    this.close();
    this.options.onEnd?.(error);
  }

  #again(seconds = 0): void {
    if (this.#isOver) return;
    this.#timer = setTimeout(() => void this.#open(), Math.max(this.#wait, seconds * 1000));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }
}
