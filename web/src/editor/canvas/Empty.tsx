/** An empty canvas: one sentence on how to begin. */
import { Plus } from "lucide-react";
import { useSaved } from "pipeloom-client/react";
import type { ReactNode } from "react";
import { Button } from "../../ui/Button";
import { useCommands } from "../useCommands";
import styles from "./Empty.module.css";

export function Empty(): ReactNode {
  const { add } = useCommands();
  if (useSaved().state === "read only") return <p className={styles.empty}>This pipeline has no steps yet.</p>;
  return (
    <div className={styles.empty}>
      <h2>Start with a step</h2>
      <p>Choose one from the library on the left.</p>
      <Button variant="primary" icon={<Plus size={16} />} onClick={() => add("claude")}>
        Add step
      </Button>
    </div>
  );
}
