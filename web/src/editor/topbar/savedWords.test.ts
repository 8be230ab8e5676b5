import type { Saved } from "pipeloom-client";
import { expect, it } from "vitest";
import { kindOf, titleOf, wordsOf } from "./savedWords";

const saved = (state: Saved["state"], unsaved = 0, reason = ""): Saved => ({ state, unsaved, reason });

it.each([
  [saved("saved"), "Saved", /^Everything/],
  [saved("saving", 3), "Saving 3", /on its way/i],
  [saved("saving"), "Saving", /on its way/i],
  [saved("behind", 3, "its disk is full"), "Not saved yet, 3 edits wait", /^The server cannot store edits at the moment: its disk is full\. .*kept in this browser.*by themselves/],
  [saved("behind", 1, "its disk is full"), "Not saved yet, 1 edit waits", /disk is full/],
  [saved("behind", 0, "its disk is full"), "Not saved yet", /disk is full/],
  [saved("offline"), "Offline", /^The server cannot be reached\. Edits are kept/],
  [saved("offline", 1, "the server stops"), "Offline, 1 edit waits", /^The server stops\. Edits/],
  [saved("offline", 12), "Offline, 12 edits wait", /connects again by itself/],
  [saved("read only"), "Read only", /^Your role/],
  // What a member did offline who may only read now.
  [saved("read only", 2), "Not saved", /^You may only read now: 2 edits/],
  [saved("read only", 0, "the pipeline is too large."), "Not saved", /^The pipeline is too large$/],
  [saved("signed out", 2), "Signed out", /^2 edits kept/],
  [saved("gone", 0, "no such pipeline"), "Not saved", /^No such pipeline$/],
])("says %j as %s", (given, words, title) => {
  const kind = kindOf(given);
  expect(wordsOf(kind, given)).toBe(words);
  expect(titleOf(kind, given)).toMatch(title);
});
