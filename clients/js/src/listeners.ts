/** Who wants to know of changes. */
export class Listeners<T = void> {
  readonly #all = new Set<(value: T) => void>();

  /** Add a listener; returns how to stop it. */
  readonly add = (listener: (value: T) => void): (() => void) => {
    this.#all.add(listener);
    return () => void this.#all.delete(listener);
  };

  call(value: T): void {
    for (const listener of [...this.#all]) {
      try {
        listener(value);
      } catch (error) {
        // One listener's fault must not keep the others from the change, nor end what has made it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  clear(): void {
    this.#all.clear();
  }
}
