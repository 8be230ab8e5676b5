/**
 * Files that become pipelines, one after the other. They belong to the page, not to a view of it: whoever
 * opens a pipeline meanwhile finds the results when coming back.
 */
import { type Finding, RestError } from "pipeloom-client/rest";

/** What the server answers to a file that it has taken. */
export interface Taken {
  readonly id: string;
  readonly name: string;
  readonly findings: readonly Finding[];
}

export type ImportState =
  | { readonly kind: "waiting" | "sending" }
  | { readonly kind: "taken"; readonly made: Taken }
  /** `mayRetry`: the file is good, as far as anybody knows. */
  | { readonly kind: "refused"; readonly reasons: readonly string[]; readonly mayRetry: boolean };

export interface Import {
  readonly key: number;
  readonly file: File;
  readonly teamId: string;
  readonly state: ImportState;
}

export type Create = (teamId: string, yaml: string, fileName: string) => Promise<Taken>;

/** So many files are taken at once; a server takes some requests a second. */
export const MOST_FILES = 200;
const MOST_BYTES = 32_000_000;

export class Imports {
  private all: readonly Import[] = [];
  private next = 0;
  private isRunning = false;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly create: Create) {}

  readonly get = (): readonly Import[] => this.all;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  readonly add = (files: Iterable<File>, teamId: string): void => {
    const added = [...files].map((file, at): Import => {
      const state: ImportState = at < MOST_FILES ? { kind: "waiting" } : refused([`Only ${MOST_FILES} files are taken at once: drop it again.`]);
      return { key: this.next++, file, teamId, state };
    });
    this.set([...this.all, ...added]);
    void this.run();
  };

  readonly retry = (key: number): void => {
    this.change(key, { kind: "waiting" });
    void this.run();
  };

  /** Forget all that are done; those that wait go on. */
  readonly clear = (): void => this.set(this.all.filter(({ state }) => isUnderWay(state)));

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    for (let at = this.waiting(); at !== undefined; at = this.waiting()) {
      this.change(at.key, { kind: "sending" });
      this.change(at.key, await this.outcome(at));
    }
    this.isRunning = false;
  }

  private waiting(): Import | undefined {
    return this.all.find(({ state }) => state.kind === "waiting");
  }

  private async outcome({ file, teamId }: Import): Promise<ImportState> {
    const fault = faultOf(file);
    if (fault !== undefined) return refused([fault]);
    const yaml = await textOf(file);
    if (yaml === undefined) return refused(["It cannot be read as UTF-8 text: drop files, no folders."]);
    try {
      return { kind: "taken", made: await this.create(teamId, yaml, file.name) };
    } catch (error) {
      return refused(reasonsOf(error), mayRetry(error));
    }
  }

  private change(key: number, state: ImportState): void {
    this.set(this.all.map((each) => (each.key === key ? { ...each, state } : each)));
  }

  private set(all: readonly Import[]): void {
    this.all = all;
    for (const listener of [...this.listeners]) listener();
  }
}

export const isUnderWay = ({ kind }: ImportState): boolean => kind === "waiting" || kind === "sending";

const refused = (reasons: readonly string[], mayRetry = false): ImportState => ({ kind: "refused", reasons, mayRetry });

function faultOf({ name, size }: File): string | undefined {
  if (!/\.(ya?ml|json)$/i.test(name)) return "Expected a file of Pipeline YAML: its name ends in .yaml or .yml.";
  return size > MOST_BYTES ? "It is larger than 32 MB, which no server takes." : undefined;
}

async function textOf(file: File): Promise<string | undefined> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return undefined;
  }
}

/** Each fault with the line where it is; without any, what the server said. */
export function reasonsOf(error: unknown): readonly string[] {
  if (!(error instanceof RestError)) return [String(error)];
  const errors = error.problem?.errors ?? [];
  if (errors.length === 0) return [error.message];
  return errors.map(({ detail, line, column, path }) => {
    if (typeof line === "number") return `Line ${line}${typeof column === "number" ? `, column ${column}` : ""}: ${detail}`;
    return path === "yaml" || path === "" ? detail : `${path.replace(/^body\./, "")}: ${detail}`;
  });
}

const mayRetry = (error: unknown): boolean => error instanceof RestError && [0, 401, 403, 408, 429, 500, 502, 503, 504].includes(error.status);
