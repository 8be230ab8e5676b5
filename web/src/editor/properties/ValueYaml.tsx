/** A list or a map inside of a step as YAML. */
import type { Json, Path } from "pipeloom-client";
import { type ReactNode, useRef, useState } from "react";
import { Button } from "../../ui/Button";
import type { LineProblem } from "../text/lineProblems";
import { YamlArea } from "../text/YamlArea";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import { merge3 } from "./merge3";
import { getAt, setAt } from "./paths";
import { readValue, textOfValue } from "./yamlOfStep";

export default function ValueYaml({ path, title, value, onClose }: {
  readonly path: Path;
  readonly title: string;
  readonly value: Json;
  readonly onClose: () => void;
}): ReactNode {
  const { change } = useEditing();
  const base = useRef(value);
  const buttons = useRef<HTMLDivElement>(null);
  const [text, setText] = useState(() => textOfValue(value));
  const [problems, setProblems] = useState<readonly LineProblem[]>([]);
  const apply = (): void => {
    const read = readValue(text);
    if (read.problems) return setProblems(read.problems);
    // What others have changed meanwhile in it stays.
    if (change((config) => setAt(config, path, merge3(base.current, read.value, getAt(config, path)) ?? undefined))) onClose();
  };
  return (
    <div className={styles.nested}>
      <YamlArea label={`${title} as YAML`} className={styles.text} text={text} isEditable isFocused problems={problems} onType={(typed) => (setText(typed), setProblems([]))} onLeave={() => buttons.current?.querySelector("button")?.focus()} onSave={apply} />
      <div ref={buttons} className={styles.buttons}>
        <Button variant="primary" onClick={apply}>Apply</Button>
        <Button variant="ghost" onClick={onClose}>Cancel</Button>
      </div>
    </div>
  );
}
