/** An icon for each type of steps. */
import {
  Box, Braces, CircleSlash, Columns3, FolderCog, Gem, Layers, MessageSquareReply, MessagesSquare,
  Repeat, RefreshCw, Save, ScanText, Search, ShieldCheck, Shuffle, SkipForward, Sparkles, Split, SquareTerminal, Variable,
  WandSparkles, Workflow, type LucideIcon,
} from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import styles from "./families.module.css";
import { familyOf } from "./familyOf";
import { own } from "../own";

export { FAMILIES, type Family, familyOf } from "./familyOf";

const ICONS: Readonly<Record<string, LucideIcon>> = {
  claude: Sparkles,
  claude_smart: WandSparkles,
  claude_session: MessagesSquare,
  claude_extract: ScanText,
  claude_batch: Layers,
  claude_robust: ShieldCheck,
  parallel_claude: Columns3,
  gemini: Gem,
  gemini_instructor: Braces,
  pipeline: Workflow,
  for_loop: Repeat,
  while_loop: RefreshCw,
  switch: Split,
  break: CircleSlash,
  continue: SkipForward,
  data_transform: Shuffle,
  file_ops: FolderCog,
  codebase_query: Search,
  set_variable: Variable,
  checkpoint: Save,
  test_echo: MessageSquareReply,
  bash: SquareTerminal,
};

export const iconOf = (type: string): LucideIcon => own(ICONS, type) ?? Box;

/** The tinted tile with the icon of a type. */
export function TypeTile({ type }: { readonly type: string }): ReactNode {
  const Icon = iconOf(type);
  return (
    <span aria-hidden="true" className={styles.tile} style={{ "--family": `var(--fam-${familyOf(type)})` } as CSSProperties}>
      <Icon size={16} />
    </span>
  );
}
