/** The panel of what is selected: one step's fields, or what can be done with several. Loaded when something is first selected. */
import { Copy, Ellipsis, Eye, EyeOff, PanelRightOpen, Trash2, X } from "lucide-react";
import { duplicate, patchStep, remove, type Step } from "pipeloom-client";
import { useRoom, useSelection, useStep } from "pipeloom-client/react";
import type { StepTypeInfo } from "pipeloom-client/rest";
import { type KeyboardEvent, type ReactNode, Suspense, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { Menu, type MenuItems } from "../../ui/Menu";
import { Skeleton } from "../../ui/Skeleton";
import { Tabs } from "../../ui/Tabs";
import { useSharedComments } from "../comments/CommentsProvider";
import { TypeTile } from "../families";
import { useStepTypes } from "../stepTypes";
import { useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { StepEditing } from "./editing";
import styles from "./Properties.module.css";
import { StepForm } from "./StepForm";
import { later } from "../../ui/later";
import { useReadOnly } from "../useReadOnly";

const StepYaml = later(() => import("./StepYaml"));
const StepComments = later(() => import("../comments/Comments").then((module) => ({ default: module.StepComments })));

export default function Properties({ isOpen }: { readonly isOpen: boolean }): ReactNode {
  const [[first, ...others]] = useSelection();
  if (first === undefined) return null;
  if (!isOpen) return <Folded />;
  return others.length > 0 ? <Several ids={[first, ...others]} /> : <Single key={first} id={first} />;
}

/** All panels are hidden: this leads back to this one. */
function Folded(): ReactNode {
  const set = useSetEditor();
  return (
    <IconButton label="Open the properties" className={styles.unfold} onClick={() => set({ arePropertiesOpen: true })}>
      <PanelRightOpen size={16} />
    </IconButton>
  );
}

function Close(): ReactNode {
  const [, select] = useSelection();
  return (
    <IconButton label="Close the properties" onClick={() => select([])}>
      <X size={16} />
    </IconButton>
  );
}

type Tab = "properties" | "yaml" | "comments";

const LABELS: Readonly<Record<Tab, string>> = { properties: "Properties", yaml: "YAML", comments: "Comments" };

/** The tab that was open last, for the next step. */
let lastTab: Tab = "properties";

function Single({ id }: { readonly id: string }): ReactNode {
  const { step } = useStep(id);
  const types = useStepTypes();
  const { byStep } = useSharedComments();
  const [tab, setTab] = useState(lastTab);
  if (step === undefined) return null;
  const type = types?.get(step.type);
  const choose = (next: Tab): void => setTab((lastTab = next));
  const counts: Readonly<Partial<Record<Tab, number>>> = { comments: byStep.get(id)?.length ?? 0 };
  const tabs = (Object.keys(LABELS) as Tab[]).map((each) => ({ id: each, label: LABELS[each], count: counts[each] ?? 0 }));
  return (
    <>
      <Head step={step} type={type} />
      <div className={styles.tabs}>
        <Tabs<Tab> label="Views of the step" tabs={tabs} chosen={tab} onChoose={choose} />
      </div>
      <div role="tabpanel" aria-label={LABELS[tab]} className={styles.panel} onKeyDown={commitOnSave}>
        {tab === "properties" ? (
          <StepEditing stepId={id}>
            <StepForm step={step} type={type} isLoading={types === undefined} />
          </StepEditing>
        ) : (
          <Suspense fallback={<Skeleton className={styles.waiting} />}>
            {tab === "yaml" ? <StepYaml step={step} type={type} /> : (
              <div className={styles.comments}>
                <StepComments id={id} name={step.name} />
              </div>
            )}
          </Suspense>
        )}
      </div>
    </>
  );
}

/** Ctrl or Cmd and S writes what is typed into a field, as leaving it does; the focus stays. */
function commitOnSave(event: KeyboardEvent<HTMLElement>): void {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  const { target } = event;
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return;
  target.blur();
  target.focus();
}

function Head({ step, type }: { readonly step: Step; readonly type: StepTypeInfo | undefined }): ReactNode {
  return (
    <header className={styles.head}>
      <TypeTile type={step.type} />
      <div className={styles.title}>
        <h2 title={step.name}>{step.name}</h2>
        <p title={type?.description}>{type?.title ?? step.type}</p>
      </div>
      {step.enabled ? null : (
        <span className={styles.disabled}>
          <EyeOff size={12} aria-hidden="true" /> Disabled
        </span>
      )}
      <More ids={[step.id]} isEnabled={step.enabled} />
      <Close />
    </header>
  );
}

function useActions(ids: readonly string[], isEnabled: boolean): MenuItems {
  const room = useRoom();
  const { check } = useCommands();
  const [, select] = useSelection();
  const disabledReason = useReadOnly();
  const { pipeline } = room;
  const enable = (): void => {
    room.doc.transact(() => ids.every((id) => check(patchStep(pipeline, id, { enabled: !isEnabled }))), pipeline.origin);
  };
  const copy = (): void => {
    const made = duplicate(pipeline, ids);
    if (check(made) && made.ok) select(Object.values(made.steps));
  };
  return [
    { label: isEnabled ? "Disable" : "Enable", icon: isEnabled ? <EyeOff size={14} /> : <Eye size={14} />, disabledReason, onSelect: enable },
    { label: "Duplicate", icon: <Copy size={14} />, disabledReason, onSelect: copy },
    null,
    { label: "Delete", icon: <Trash2 size={14} />, isDangerous: true, disabledReason, onSelect: () => void (check(remove(pipeline, ids)) && select([])) },
  ];
}

function More({ ids, isEnabled }: { readonly ids: readonly string[]; readonly isEnabled: boolean }): ReactNode {
  const items = useActions(ids, isEnabled);
  return (
    <Menu
      label="What to do with the step"
      align="end"
      items={items}
      trigger={(trigger) => (
        <IconButton label="More" {...trigger}>
          <Ellipsis size={16} />
        </IconButton>
      )}
    />
  );
}

/** Steps that are listed; more are counted. */
const MOST = 50;

function Several({ ids }: { readonly ids: readonly string[] }): ReactNode {
  const { pipeline } = useRoom();
  const [, select] = useSelection();
  const steps = ids.flatMap((id) => pipeline.steps().get(id) ?? []);
  const items = useActions(ids, steps.some(({ enabled }) => enabled));
  return (
    <>
      <header className={styles.head}>
        <div className={styles.title}>
          <h2>{ids.length} steps</h2>
          <p>Select one to edit it</p>
        </div>
        <Close />
      </header>
      <div className={styles.several}>
        <div className={styles.actions}>
          {items.map((item) =>
            item === null ? null : (
              <Button key={item.label} icon={item.icon} variant={item.isDangerous ? "danger" : "secondary"} disabledReason={item.disabledReason} onClick={item.onSelect}>
                {item.label}
              </Button>
            ),
          )}
        </div>
        <ul className={styles.names}>
          {steps.slice(0, MOST).map(({ id, name, type }) => (
            <li key={id}>
              <button type="button" onClick={() => select([id])}>
                <TypeTile type={type} />
                <span>{name}</span>
              </button>
            </li>
          ))}
        </ul>
        {steps.length > MOST ? <p className={styles.more}>and {steps.length - MOST} more</p> : null}
      </div>
    </>
  );
}
