import type { KeyCommand } from "./table";

/** What a key does. `false`: nothing, so the key is the browser's. */
export type Handler = (key: string) => void | boolean;

export type Handlers = Readonly<Record<KeyCommand, Handler>>;
