import type { Pipeline } from "../src/index.js";

/** What a pipeline shows, in the shape of the table of cases. */
export const rowsOf = (pipeline: Pipeline): unknown => {
  return {
    settings: pipeline.settings(),
    steps: Object.fromEntries(pipeline.steps()),
    connections: Object.fromEntries(pipeline.connections()),
    diagnostics: pipeline.diagnostics().map((each) => [each.subject, each.code, each.severity, each.path]),
  };
};
