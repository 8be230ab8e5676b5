/** The words for whether edits are saved. */
import type { Saved } from "pipeloom-client";

export type Kind = "saved" | "saving" | "behind" | "offline" | "readOnly" | "signedOut" | "notSaved";

/** Edits that nobody will send by themselves are not saved, whatever the cause. */
export function kindOf({ state, unsaved, reason }: Saved): Kind {
  switch (state) {
    case "read only":
      return reason !== "" || unsaved > 0 ? "notSaved" : "readOnly";
    case "signed out":
      return "signedOut";
    case "gone":
      return "notSaved";
    default:
      return state;
  }
}

const edits = (count: number): string => (count === 1 ? "1 edit" : `${count} edits`);

export function wordsOf(kind: Kind, { unsaved }: Saved): string {
  switch (kind) {
    case "saved":
      return "Saved";
    case "saving":
      return unsaved > 0 ? `Saving ${unsaved}` : "Saving";
    case "behind":
      return unsaved > 0 ? `Not saved yet, ${edits(unsaved)} ${unsaved === 1 ? "waits" : "wait"}` : "Not saved yet";
    case "offline":
      return unsaved > 0 ? `Offline, ${edits(unsaved)} ${unsaved === 1 ? "waits" : "wait"}` : "Offline";
    case "readOnly":
      return "Read only";
    case "signedOut":
      return "Signed out";
    case "notSaved":
      return "Not saved";
  }
}

/** What it means and what happens next: shown on hover. */
export function titleOf(kind: Kind, { unsaved, reason }: Saved): string {
  switch (kind) {
    case "saved":
      return "Everything is on the server";
    case "saving":
      return "On its way to the server";
    case "behind":
      return `The server cannot store edits at the moment: ${reason}. Others see them, and they are kept in this browser; they are saved by themselves as soon as it can`;
    case "offline":
      return `${reason === "" ? "The server cannot be reached" : sentence(reason)}. Edits are kept in this browser; it connects again by itself and sends them`;
    case "readOnly":
      return "Your role in the team lets you read this pipeline, not edit it";
    case "signedOut":
      return unsaved > 0 ? `${edits(unsaved)} kept in this browser until you sign in` : "Edits are kept in this browser until you sign in";
    case "notSaved":
      return reason === "" ? `You may only read now: ${edits(unsaved)} kept in this browser` : sentence(reason);
  }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");
