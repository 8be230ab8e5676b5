/** The typed document by itself, for pages that fill it by a provider of their own. */
export { casesOf, orderCases } from "./cases.js";
export { copy, duplicate, paste } from "./clipboard.js";
export type { Clip, Pasted } from "./clipboard.js";
export { undoOf } from "./undo.js";
export { connect, disconnect, addStep, moveStep, moveSteps, patchConfig, patchConnection, patchSettings, patchStep, placeStep, remove, renameStep, updateConfig } from "./verbs.js";
export type { Point, Removed, Target } from "./verbs.js";
export { openPipeline } from "./pipeline.js";
export type { Change, Pipeline, PipelineOptions } from "./pipeline.js";
export type { Outcome, Refusal } from "./refusals.js";
export type { Diagnostic } from "./entries.js";
export { explained } from "./explained.js";
export type { ExplainedDiagnostic } from "./explained.js";
export type { Json, JsonObject } from "./values.js";
export { STEP_TYPES, STATUSES } from "./schema.js";
export type { Connection, ConnectionFields, DiagnosticCode, Settings, SettingsFields, Status, Step, StepFields, StepType } from "./schema.js";
export { indexesIn, rangeIn } from "./carets.js";
export type { TextRange } from "./carets.js";
export type { Path } from "./writing.js";
