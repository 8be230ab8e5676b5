export { Cursors } from "./cursors.js";
export type { ConnectionEdge, Flow, StepNode } from "./flow.js";
export * from "./hooks.js";
export type { Comment, ListedVersion } from "../rest/client.js";
