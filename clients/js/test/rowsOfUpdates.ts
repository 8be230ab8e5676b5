/** Prints what the library shows of the documents whose updates it reads, in base64. */
import { readFileSync } from "node:fs";
import * as Y from "yjs";
import { openPipeline } from "../src/index.js";
import { rowsOf } from "./rows.js";

const updates: string[] = JSON.parse(readFileSync(0, "utf8"));
const shown = updates.map((update) => {
  const doc = new Y.Doc();
  // Opened first, so that everything comes as a change.
  const pipeline = openPipeline(doc);
  Y.applyUpdate(doc, Buffer.from(update, "base64"));
  return rowsOf(pipeline);
});
process.stdout.write(JSON.stringify(shown));
