/** The fields of the selected step, made of its type's schema. */
import { X } from "lucide-react";
import { patchConfig, renameStep } from "pipeloom-client";
import { useRoom, useSaved, useSelection, useStep } from "pipeloom-client/react";
import type { JsonSchema } from "pipeloom-client/rest";
import type { ReactNode } from "react";
import { IconButton } from "../../ui/Button";
import { TypeTile } from "../families";
import { useStepTypes } from "../stepTypes";
import { useCommands } from "../useCommands";
import { Field } from "./Field";
import { isSimple } from "./fieldKinds";
import styles from "./Properties.module.css";

export function Properties(): ReactNode {
  const [[first, ...others], select] = useSelection();
  if (first === undefined) return null;
  return (
    <aside className={styles.properties} aria-label="Properties">
      {others.length > 0 ? (
        <header className={styles.head}>
          <h2>{others.length + 1} steps</h2>
          <Close onClose={() => select([])} />
        </header>
      ) : (
        <Single key={first} id={first} onClose={() => select([])} />
      )}
    </aside>
  );
}

const Close = ({ onClose }: { readonly onClose: () => void }): ReactNode => (
  <IconButton label="Close the properties" onClick={onClose}>
    <X size={16} />
  </IconButton>
);

function Single({ id, onClose }: { readonly id: string; readonly onClose: () => void }): ReactNode {
  const { step } = useStep(id);
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const types = useStepTypes();
  const isReadOnly = useSaved().state === "read only";
  if (step === undefined) return null;
  const type = types?.get(step.type);
  const name = type?.schema.properties?.["name"] ?? { title: "Name", type: "string" };
  return (
    <>
      <header className={styles.head}>
        <TypeTile type={step.type} />
        <div className={styles.title}>
          <h2 title={step.name}>{step.name}</h2>
          <p>{type?.title ?? step.type}</p>
        </div>
        <Close onClose={onClose} />
      </header>
      <div className={styles.fields}>
        <Field name="name" schema={name} value={step.name} isReadOnly={isReadOnly} onChange={(value) => check(renameStep(pipeline, id, String(value ?? "")))} />
        {fieldsOf(type?.schema).map(([key, schema]) => (
          <Field
            key={key}
            name={key}
            schema={schema}
            value={step.config[key]}
            isReadOnly={isReadOnly}
            onChange={(value) => check(patchConfig(pipeline, id, { [key]: value }))}
          />
        ))}
      </div>
    </>
  );
}

function fieldsOf(schema: JsonSchema | undefined): [string, JsonSchema][] {
  return Object.entries(schema?.properties?.["config"]?.properties ?? {}).filter(([, each]) => isSimple(each));
}
