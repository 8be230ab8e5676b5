/** Which family a type of steps belongs to: apart from the icons, which the list of pipelines needs not. */

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

const MEMBERS: Readonly<Record<Family, readonly string[]>> = {
  claude: [
    "claude", "claude_smart", "claude_session", "claude_extract", "claude_batch", "claude_robust", "parallel_claude",
  ],
  gemini: ["gemini", "gemini_instructor"],
  flow: ["pipeline", "for_loop", "while_loop", "switch", "break", "continue"],
  data: ["data_transform", "file_ops", "codebase_query"],
  state: ["set_variable", "checkpoint"],
  other: ["test_echo", "bash"],
};

const FAMILY_OF = new Map(FAMILIES.flatMap(({ id }) => MEMBERS[id].map((type) => [type, id] as const)));

export const familyOf = (type: string): Family => FAMILY_OF.get(type) ?? "other";
