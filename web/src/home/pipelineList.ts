/** A list of pipelines as it is scrolled: read page by page, and kept up to date while somebody looks at it. */
import type { ListedPipeline, Page } from "pipeloom-client/rest";

export const PAGE_SIZE = 60;

/** What a page of the list is asked with, beside the list's own filters. */
export interface Asked {
  readonly limit: number;
  readonly cursor?: string;
  readonly id?: readonly string[];
}

export type Read = (asked: Asked) => Promise<Page<ListedPipeline>>;

export interface Listed {
  /** Undefined until the first page has come. */
  readonly items: readonly ListedPipeline[] | undefined;
  readonly hasMore: boolean;
  /** Why the last request failed; what was read before stays. */
  readonly error: Error | undefined;
}

const NOTHING: Listed = { items: undefined, hasMore: false, error: undefined };

export class PipelineList {
  private state = NOTHING;
  private cursor: string | null = null;
  private isReading = false;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly read: Read) {}

  readonly get = (): Listed => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  /** Read the next page; nothing while a page is being read. */
  readonly more = async (): Promise<void> => {
    const { items = [] } = this.state;
    if (this.isReading || (this.state.items !== undefined && this.cursor === null)) return;
    await this.attempt(async () => {
      const page = await this.read({ limit: PAGE_SIZE, ...(this.cursor === null ? {} : { cursor: this.cursor }) });
      const known = new Set(items.map(({ id }) => id));
      this.cursor = page.next_cursor;
      this.show([...items, ...page.items.filter(({ id }) => !known.has(id))]);
    });
  };

  /**
   * Read the first page again, and of the others those rows that are seen. Rows stay where they are unless
   * they may move: nothing jumps away from under a pointer.
   */
  readonly refresh = async (seen: readonly string[], mayMove: boolean): Promise<void> => {
    if (this.isReading) return;
    if (this.state.items === undefined) return this.more();
    await this.attempt(async () => {
      const head = await this.read({ limit: PAGE_SIZE });
      const heads = new Set(head.items.map(({ id }) => id));
      const { items = [] } = this.state;
      if (items.length <= PAGE_SIZE) this.cursor = head.next_cursor;
      const below = seen.filter((id) => !heads.has(id)).slice(0, 100);
      const found = below.length === 0 ? [] : (await this.read({ limit: 100, id: below })).items;
      this.show(mayMove ? moved(items, head, below, found) : inPlace(items, [...head.items, ...found]));
    });
  };

  /** Show a change that the server has taken, until the list is read again. */
  readonly patch = (id: string, changes: Partial<ListedPipeline>): void =>
    this.show(this.state.items?.map((each) => (each.id === id ? { ...each, ...changes } : each)));

  readonly remove = (id: string): void => this.show(this.state.items?.filter((each) => each.id !== id));

  private show(items: readonly ListedPipeline[] | undefined): void {
    this.set({ items, hasMore: this.cursor !== null, error: undefined });
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    this.isReading = true;
    try {
      await work();
    } catch (error) {
      this.set({ ...this.state, error: error as Error });
    } finally {
      this.isReading = false;
    }
  }

  private set(state: Listed): void {
    this.state = state;
    for (const listener of [...this.listeners]) listener();
  }
}

type Items = readonly ListedPipeline[];

/** Fresh contents in the former order; what is new waits. */
function inPlace(items: Items, fresh: Items): Items {
  const byId = new Map(fresh.map((each) => [each.id, each]));
  return items.map((each) => byId.get(each.id) ?? each);
}

/** The fresh first page, then what has come after its end. What stood before that and is not in it has gone. */
function moved(items: Items, head: Page<ListedPipeline>, asked: readonly string[], found: Items): Items {
  if (head.next_cursor === null) return head.items;
  const heads = new Set(head.items.map(({ id }) => id));
  const end = items.findIndex(({ id }) => id === head.items.at(-1)?.id);
  const behind = items.filter(({ id }, at) => at > end && !heads.has(id));
  const gone = new Set(asked.filter((id) => !found.some((each) => each.id === id)));
  return [...head.items, ...inPlace(behind, found).filter(({ id }) => !gone.has(id))];
}
