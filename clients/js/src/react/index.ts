export { Cursors } from "./cursors.js";
export { PipelineFrame } from "./frame.js";
export type { PipelineFrameProps } from "./frame.js";
export type { ConnectionEdge, Flow, StepNode } from "./flow.js";
export * from "./hooks.js";
export type { Comment, ListedVersion } from "../rest/client.js";
