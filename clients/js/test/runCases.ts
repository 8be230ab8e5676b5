/** Prints what comes of the cases that it reads. */
import { readFileSync } from "node:fs";
import { outcome } from "./running.js";

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(outcome)));
