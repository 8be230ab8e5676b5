/** The table of cases that the server and this library agree on (`tests/cases/cases.py`). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Case, outcome } from "./running.js";

const TABLE = new URL("../../../../tests/cases/pipeline.json", import.meta.url);
const cases: (Case & { refused: any; after: any; rows: any })[] = JSON.parse(readFileSync(TABLE, "utf8"));

for (const each of cases) {
  test(each.name, () => {
    const { refused, after, rows } = each;
    assert.deepEqual(outcome(each), { refused, after, rows });
  });
}
