export * from "./client.js";
export { listen } from "./events.js";
export type { ListenOptions, PipelineEvent } from "./events.js";
export { sessionToken } from "./session.js";
export type { SessionOptions } from "./session.js";
