/** An empty canvas: one sentence on how to begin, and three ways to do so. */
import { LayoutTemplate, Plus, Upload } from "lucide-react";
import { paste } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { type ReactNode, useRef, useState } from "react";
import { rest, sentenceOf } from "../../session/rest";
import { useAsked } from "../../session/useAsked";
import { Button } from "../../ui/Button";
import { Kbd } from "../../ui/Kbd";
import { Popover } from "../../ui/Popover";
import { keyFor } from "../shortcuts/table";
import { usePipelineId } from "../state";
import { useCommands } from "../useCommands";
import { useCanvasContent } from "./canvasContext";
import { useCanvasStore } from "./canvasState";
import styles from "./Empty.module.css";
import { type FilledTemplate, stepsOf } from "./template";

export default function Empty(): ReactNode {
  const reason = useCanvasContent().readOnlyReason;
  const store = useCanvasStore();
  const [refusal, setRefusal] = useState("");
  if (reason !== undefined) return <p className={styles.empty}>This pipeline has no steps yet.</p>;
  return (
    <div className={styles.empty}>
      <h2>Start with a step</h2>
      <p>
        Drag one from the left, press <Kbd keys={keyFor("add")} /> to search, or begin with a file.
      </p>
      <div className={styles.ways}>
        <Button
          variant="primary"
          icon={<Plus size={16} />}
          onClick={({ currentTarget }) => store.set({ adding: { beside: currentTarget.getBoundingClientRect(), target: null } })}
        >
          Add step
        </Button>
        <Import onRefusal={setRefusal} />
        <Templates onRefusal={setRefusal} />
      </div>
      <p role="alert" className={styles.refusal}>{refusal}</p>
    </div>
  );
}

interface WayProps {
  readonly onRefusal: (sentence: string) => void;
}

function Import({ onRefusal }: WayProps): ReactNode {
  const pipelineId = usePipelineId();
  const input = useRef<HTMLInputElement>(null);
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    onRefusal("");
    await file.text().then((text) => rest.yaml.apply(pipelineId, text)).catch((error: unknown) => onRefusal(`${file.name} was not imported: ${sentenceOf(error)}`));
  };
  return (
    <>
      <Button icon={<Upload size={16} />} onClick={() => input.current?.click()}>Import YAML</Button>
      <input
        ref={input}
        type="file"
        accept=".yaml,.yml,application/yaml,text/yaml"
        hidden
        aria-label="A pipeline as YAML"
        onChange={({ target }) => {
          void read(target.files?.[0]);
          // The same file again, once it is mended.
          target.value = "";
        }}
      />
    </>
  );
}

const Templates = ({ onRefusal }: WayProps): ReactNode => (
  <Popover
    label="Templates"
    trigger={(trigger) => <Button {...trigger} icon={<LayoutTemplate size={16} />}>Template</Button>}
  >
    {(close) => <TemplateList onRefusal={onRefusal} close={close} />}
  </Popover>
);

function TemplateList({ onRefusal, close }: WayProps & { readonly close: () => void }): ReactNode {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const { data, error } = useAsked("templates", () => rest.templates.list({ limit: 100 }).then(({ items }) => items));
  const choose = async (id: string): Promise<void> => {
    close();
    onRefusal("");
    const template = await rest.templates.get(id).catch((problem: unknown) => void onRefusal(sentenceOf(problem)));
    if (template) check(paste(pipeline, stepsOf(template as FilledTemplate)));
  };
  if (error !== undefined) return <p className={styles.none}>{sentenceOf(error)}</p>;
  if (data === undefined) return <p className={styles.none} role="status">Loading the templates…</p>;
  if (data.length === 0) return <p className={styles.none}>Your teams have no templates yet.</p>;
  return (
    <ul className={styles.templates}>
      {data.map(({ id, name, description }) => (
        <li key={id}>
          <button type="button" onClick={() => void choose(id)}>
            <span>{name}</span>
            {description === null ? null : <small>{description}</small>}
          </button>
        </li>
      ))}
    </ul>
  );
}
