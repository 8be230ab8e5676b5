/** The families of step types, and an icon for each type. */
import {
  Box, Braces, CircleSlash, Columns3, FolderCog, Gem, Layers, MessageSquareReply, MessagesSquare,
  Repeat, RefreshCw, Save, ScanText, Search, ShieldCheck, Shuffle, SkipForward, Sparkles, Split, SquareTerminal, Variable,
  WandSparkles, Workflow, type LucideIcon,
} from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import styles from "./families.module.css";

export type Family = "claude" | "gemini" | "flow" | "data" | "state" | "other";

/** In the order of the library. */
export const FAMILIES: readonly { readonly id: Family; readonly title: string }[] = [
  { id: "claude", title: "Claude" },
  { id: "gemini", title: "Gemini" },
  { id: "flow", title: "Control flow" },
  { id: "data", title: "Data and files" },
  { id: "state", title: "State" },
  { id: "other", title: "Other" },
];

const TYPES: Readonly<Record<string, readonly [Family, LucideIcon]>> = {
  claude: ["claude", Sparkles],
  claude_smart: ["claude", WandSparkles],
  claude_session: ["claude", MessagesSquare],
  claude_extract: ["claude", ScanText],
  claude_batch: ["claude", Layers],
  claude_robust: ["claude", ShieldCheck],
  parallel_claude: ["claude", Columns3],
  gemini: ["gemini", Gem],
  gemini_instructor: ["gemini", Braces],
  pipeline: ["flow", Workflow],
  for_loop: ["flow", Repeat],
  while_loop: ["flow", RefreshCw],
  switch: ["flow", Split],
  break: ["flow", CircleSlash],
  continue: ["flow", SkipForward],
  data_transform: ["data", Shuffle],
  file_ops: ["data", FolderCog],
  codebase_query: ["data", Search],
  set_variable: ["state", Variable],
  checkpoint: ["state", Save],
  test_echo: ["other", MessageSquareReply],
  bash: ["other", SquareTerminal],
};

export const familyOf = (type: string): Family => TYPES[type]?.[0] ?? "other";
const iconOf = (type: string): LucideIcon => TYPES[type]?.[1] ?? Box;

/** The tinted tile with the icon of a type. */
export function TypeTile({ type }: { readonly type: string }): ReactNode {
  const Icon = iconOf(type);
  return (
    <span aria-hidden="true" className={styles.tile} style={{ "--family": `var(--fam-${familyOf(type)})` } as CSSProperties}>
      <Icon size={16} />
    </span>
  );
}
