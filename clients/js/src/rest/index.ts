export * from "./client.js";
export { listen } from "./events.js";
export type { ListenOptions, PipelineEvent } from "./events.js";
export { sessionToken, storedSession } from "./session.js";
export type { SessionOptions, StoredSession, StoredSessionOptions } from "./session.js";
