/**
 * What a socket has sent and the server has not acknowledged yet. Counted at the socket, since a
 * provider's own count is reached early after a reconnect: it sends offline edits twice
 * (docs/protocol.md, Known behaviour of providers).
 */
const SYNC = 0;
const SYNC_STATUS = 8;
const STEP_1 = 0;
const STEP_2 = 1;

export class Tally {
  /** Messages with edits that wait for their acknowledgement. */
  waiting = 0;
  /** Whether the server was sent, on this socket, everything that it lacked. */
  isComplete = false;

  /** A new socket, or a new exchange on one: the server forgets what came before. */
  reset(): void {
    [this.waiting, this.isComplete] = [0, false];
  }

  sent(frame: unknown): void {
    const [type, step] = kindOf(frame);
    if (type !== SYNC) return;
    if (step === STEP_1) this.reset();
    else this.waiting += 1;
    if (step === STEP_2) this.isComplete = true;
  }

  /** Take a frame of the server; return false for a refused edit, true for an accepted one. */
  received(frame: unknown): boolean | null {
    const [type, status] = kindOf(frame);
    if (type !== SYNC_STATUS) return null;
    this.waiting = Math.max(this.waiting - 1, 0);
    return status === 1;
  }
}

/** Read the type of a message and the number behind it: varString address, varUint, varUint. */
function kindOf(frame: unknown): [number | undefined, number | undefined] {
  const bytes = frame instanceof ArrayBuffer ? new Uint8Array(frame) : frame;
  if (!(bytes instanceof Uint8Array)) return [undefined, undefined];
  let [length, at] = [0, 0];
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    length |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  // Both numbers are below 128, so each is one byte.
  return [bytes[at + length], bytes[at + length + 1]];
}

/** Return a WebSocket class whose sockets report their frames, for a provider's `WebSocketPolyfill`. */
export function counted(
  base: typeof WebSocket,
  tally: Tally,
  onStatus: (accepted: boolean) => void,
): typeof WebSocket {
  return class extends base {
    constructor(url: string | URL) {
      super(url);
      tally.reset();
      this.addEventListener("message", ({ data }: MessageEvent) => {
        const accepted = tally.received(data);
        if (accepted !== null) onStatus(accepted);
      });
    }

    override send(data: Parameters<WebSocket["send"]>[0]): void {
      tally.sent(data);
      super.send(data);
    }
  };
}
