/** Whether the edits are on the server: one place, one height, announced politely. */
import { Check, CloudOff, Eye, LoaderCircle, LogIn, TriangleAlert } from "lucide-react";
import { useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useEffect } from "react";
import { session } from "../../session/token";
import { cx } from "../../ui/cx";
import styles from "./SavedState.module.css";

export function SavedState(): ReactNode {
  const { state, unsaved, reason } = useSaved();
  const room = useRoom();
  // Who signs in, in this window or another, goes on where the connection has ended.
  useEffect(() => session.subscribe(() => room.saved().state === "signed out" && room.reconnect()), [room]);
  const { icon, text, kind } = shown(state, unsaved);
  return (
    <span role="status" className={cx(styles.state, styles[kind])} title={reason || titleOf(state)}>
      {icon}
      {text}
      {state === "signed out" ? (
        <a href="/home" target="_blank" rel="noopener">
          Sign in
        </a>
      ) : null}
    </span>
  );
}

type State = ReturnType<typeof useSaved>["state"];

const edits = (count: number): string => (count === 1 ? "1 edit waits" : `${count} edits wait`);

function shown(state: State, unsaved: number): { icon: ReactNode; text: string; kind: "plain" | "warning" | "muted" | "danger" } {
  switch (state) {
    case "saved":
      return { icon: <Check size={14} className={styles.check} />, text: "Saved", kind: "plain" };
    case "saving":
      return { icon: <LoaderCircle size={14} className={styles.turning} />, text: `Saving ${unsaved || ""}`.trim(), kind: "plain" };
    case "offline":
      return { icon: <CloudOff size={14} />, text: unsaved > 0 ? `Offline, ${edits(unsaved)}` : "Offline", kind: "warning" };
    case "read only":
      return { icon: <Eye size={14} />, text: "Read only", kind: "muted" };
    case "signed out":
      return { icon: <LogIn size={14} />, text: "Signed out", kind: "danger" };
    case "gone":
      return { icon: <TriangleAlert size={14} />, text: "Not there any more", kind: "danger" };
  }
}

function titleOf(state: State): string {
  if (state === "read only") return "Your role in the team lets you read this pipeline, not edit it";
  if (state === "saved") return "Everything is on the server";
  return state === "offline" ? "Edits are kept in this browser and sent once the server is there again" : "";
}
