/** What a person marks for themselves: kept in this browser, unknown to the server. */
import { local } from "../local";
import { useSyncExternalStore } from "react";

/** A list of ids in the local storage, the latest first. */
class Marks {
  private readonly listeners = new Set<() => void>();
  private read: readonly [text: string | null, ids: readonly string[]] = [null, []];

  constructor(
    private readonly key: string,
    private readonly most: number,
  ) {}

  /** The same list while nothing has changed. */
  readonly get = (): readonly string[] => {
    const text = local.getItem(this.key);
    if (text !== this.read[0]) this.read = [text, idsIn(text)];
    return this.read[1];
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    const look = ({ key }: StorageEvent): void => void (key === this.key && listener());
    this.listeners.add(listener);
    addEventListener("storage", look);
    return () => {
      this.listeners.delete(listener);
      removeEventListener("storage", look);
    };
  };

  /** Put an id first. */
  add(id: string): void {
    this.set([id, ...this.get().filter((each) => each !== id)].slice(0, this.most));
  }

  remove(id: string): void {
    this.set(this.get().filter((each) => each !== id));
  }

  private set(ids: readonly string[]): void {
    local.setItem(this.key, JSON.stringify(ids));
    for (const listener of [...this.listeners]) listener();
  }
}

/** At most as many as the server lists by their ids at once. */
export const starred = new Marks("pipeloom.starred", 100);

/** The pipelines that were opened in this browser. */
export const recent = new Marks("pipeloom.recent", 30);

export const useMarks = (marks: Marks): readonly string[] => useSyncExternalStore(marks.subscribe, marks.get);

/** Whatever else stands there is no list of ids. */
function idsIn(text: string | null): readonly string[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value.filter((each) => typeof each === "string" && /^[0-9a-f-]{36}$/.test(each)) : [];
  } catch {
    return [];
  }
}
