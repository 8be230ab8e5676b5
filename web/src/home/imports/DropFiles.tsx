/** Files may be dropped anywhere on the page; while they are above it, it says what would happen. */
import { Upload } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useHome } from "../HomeState";
import styles from "./DropFiles.module.css";
import { useImports } from "./useImports";

export function DropFiles(): ReactNode {
  const { team, readOnly } = useHome();
  const { add } = useImports();
  const isOver = useDrop(add);
  if (!isOver) return null;
  return (
    <div className={styles.over}>
      <p className={styles.word}>
        <Upload size={20} aria-hidden="true" />
        {readOnly ?? `Drop YAML files to import them into ${team?.name ?? "the team"}`}
      </p>
    </div>
  );
}

function useDrop(onFiles: (files: FileList) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    // Without a related target the pointer has left the window.
    const leave = ({ relatedTarget }: DragEvent): void => void (relatedTarget === null && setOver(false));
    const drop = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer) onFiles(event.dataTransfer.files);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, [onFiles]);
  return isOver;
}
