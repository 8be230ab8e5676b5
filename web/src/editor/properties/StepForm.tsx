/** The form of a step: its name, and the sections that the schema of its type asks for. */
import { ChevronRight } from "lucide-react";
import { renameStep, type Step } from "pipeloom-client";
import type { StepTypeInfo } from "pipeloom-client/rest";
import { type ReactNode, useId, useState } from "react";
import { Skeleton } from "../../ui/Skeleton";
import { Tooltip } from "../../ui/Tooltip";
import { Line } from "./controls";
import { useEditing } from "./editing";
import { Field } from "./Field";
import form from "./Form.module.css";
import { Frame, Reason, Typing, Wrong } from "./Frame";
import { type FormSection, rowsOf, sectionsOf } from "./layout";
import { getAt, isList, isObject } from "./paths";
import styles from "./StepForm.module.css";
import { checksSummary } from "./TextList";

export function StepForm({ step, type, isLoading }: { readonly step: Step; readonly type: StepTypeInfo | undefined; readonly isLoading: boolean }): ReactNode {
  const sections = sectionsOf(type?.schema.properties?.["config"], step.config, type?.slots.map(({ name }) => name));
  const [general, ...others] = sections[0]?.title === null ? sections : [undefined, ...sections];
  return (
    <div className={styles.form}>
      <div className={styles.section}>
        <Wrong path={[]} />
        <Name step={step} />
        {type === undefined && !isLoading ? <Reason severity="warning">{step.type} is no type that this server knows; all its keys are kept</Reason> : null}
        {isLoading ? <Skeleton className={styles.waiting} /> : null}
        {general === undefined || isLoading ? null : <Fields section={general} step={step} />}
      </div>
      {isLoading ? null : others.map((section) => <Section key={section?.id} section={section as FormSection} step={step} />)}
    </div>
  );
}

/** A name that a sibling has is refused here and stays to be corrected; references follow another one. */
function Name({ step }: { readonly step: Step }): ReactNode {
  const { room } = useEditing();
  const [refusal, setRefusal] = useState<string | null>(null);
  const commit = (typed: string): boolean => {
    const outcome = renameStep(room.pipeline, step.id, typed);
    const isTaken = !outcome.ok && outcome.refused.code === "edit_conflict";
    setRefusal(outcome.ok ? null : isTaken ? `A step beside it is called ${typed} already` : sentence(outcome.refused.message));
    return outcome.ok;
  };
  return (
    <Frame title="Name" about="By which other steps refer to it. They follow when it changes." path={["name"]} reason={refusal}>
      {(labelled) => <Line {...labelled} path={[]} entryPath={["name"]} shown={step.name} commit={commit} isLive={false} />}
    </Frame>
  );
}

const sentence = (message: string): string => message.charAt(0).toUpperCase() + message.slice(1);

/** Which sections were folded or opened by hand; the next step begins like the last one. */
const folded = new Map<string, boolean>();

function Section({ section, step }: { readonly section: FormSection; readonly step: Step }): ReactNode {
  const { id, title, about, fields, isSeldom } = section;
  const bodyId = useId();
  const [isOpen, setShown] = useState(!(folded.get(id) ?? isSeldom));
  const setOpen = (next: boolean): void => {
    folded.set(id, !next);
    setShown(next);
  };
  const name = <span>{title}</span>;
  return (
    <section className={styles.section} aria-label={title ?? undefined}>
      <h3 className={styles.head}>
        <button type="button" className={styles.fold} aria-expanded={isOpen} aria-controls={bodyId} onClick={() => setOpen(!isOpen)}>
          <ChevronRight size={14} aria-hidden="true" />
          {about === "" ? name : <Tooltip text={about} side="top">{name}</Tooltip>}
        </button>
        <span className={form.count}>{summaryOf(section, step)}</span>
        <Typing path={fields.length === 1 ? ["config", ...(fields[0]?.path ?? [])] : ["config", id]} />
      </h3>
      <div id={bodyId} className={styles.body} hidden={!isOpen}>
        {isOpen ? <Fields section={section} step={step} isTitled={fields.length === 1 && id !== "others"} /> : null}
      </div>
    </section>
  );
}

function Fields({ section, step, isTitled = false }: { readonly section: FormSection; readonly step: Step; readonly isTitled?: boolean }): ReactNode {
  return rowsOf(section.fields).map((row) => (
    <div key={row.map(({ path }) => path.join(".")).join(" ")} className={form.pair} data-pair={row.length === 2 || undefined}>
      {row.map(({ path, schema }) => (
        <Field key={path.join(".")} path={path} schema={schema} value={getAt(step.config, path)} isTitled={isTitled} />
      ))}
    </div>
  ));
}

/** What one would see in a section: how many things are set. */
function summaryOf({ id, fields }: FormSection, { config }: Step): string {
  const [first] = fields;
  const value = first && getAt(config, first.path);
  if (id === "tools" && first) return checksSummary(first.schema, value);
  if (fields.length === 1) return isList(value) ? String(value.length || "") : isObject(value) ? String(Object.keys(value).length || "") : "";
  const count = fields.filter(({ path }) => getAt(config, path) !== undefined).length;
  return id === "others" || count === 0 ? "" : `${count} set`;
}
