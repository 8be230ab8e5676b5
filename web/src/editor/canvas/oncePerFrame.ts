/** What comes more often than frames: of each frame only the latest is taken. */
export class OncePerFrame<Value> {
  private waiting: (() => void) | null = null;
  private frame = 0;

  /** Take a value in the next frame, unless another comes before: then that one. */
  later(value: Value, take: (value: Value) => void): void {
    this.waiting = () => take(value);
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  /** Take now what waits. */
  flush(): void {
    const { waiting } = this;
    this.drop();
    waiting?.();
  }

  /** Take nothing of what waits; returns whether anything did. */
  drop(): boolean {
    const hadAny = this.waiting !== null;
    cancelAnimationFrame(this.frame);
    [this.waiting, this.frame] = [null, 0];
    return hadAny;
  }
}
