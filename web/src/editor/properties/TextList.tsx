/** Lists of texts: as chips, or as check boxes where the usual ones are known. */
import { Plus, X } from "lucide-react";
import type { Json } from "pipeloom-client";
import { type ReactNode, useId, useState } from "react";
import { IconButton } from "../../ui/Button";
import { type ControlProps } from "./controls";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import { changeList } from "./paths";

const textsOf = (value: Json | undefined): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

export function TextList({ path, schema, value, ...about }: ControlProps): ReactNode {
  const { change, readOnlyReason } = useEditing();
  const texts = textsOf(value);
  const examples = (schema.examples ?? []).flatMap((each) => (Array.isArray(each) ? each.map(String) : []));
  const remove = (at: number): void => {
    change((config) => changeList(config, path, (list) => list.filter((_, place) => place !== at)));
  };
  return (
    <div className={styles.chips}>
      {texts.map((text, at) => (
        <span key={`${at} ${text}`} className={styles.chip}>
          <span>{text}</span>
          <button type="button" aria-label={`Remove ${text}`} disabled={readOnlyReason !== undefined} title={readOnlyReason ?? `Remove ${text}`} onClick={() => remove(at)}>
            <X size={12} />
          </button>
        </span>
      ))}
      <AddText {...about} path={path} known={examples.filter((each) => !texts.includes(each))} placeholder={texts.length === 0 ? (examples[0] ?? "") : ""} />
    </div>
  );
}

function AddText({ path, known, placeholder, ...about }: Pick<ControlProps, "id" | "path" | "aria-describedby" | "aria-invalid" | "aria-label"> & {
  readonly known: readonly string[];
  readonly placeholder: string;
}): ReactNode {
  const { change, readOnlyReason } = useEditing();
  const [typed, setTyped] = useState("");
  const listId = useId();
  const add = (): void => {
    const text = typed.trim();
    if (text !== "" && change((config) => changeList(config, path, (list) => [...list, text]))) setTyped("");
  };
  return (
    <span className={styles.adding}>
      <input
        {...about}
        className={styles.control}
        disabled={readOnlyReason !== undefined}
        title={readOnlyReason}
        placeholder={placeholder}
        list={known.length > 0 ? listId : undefined}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
        onBlur={add}
        onKeyDown={({ key }) => key === "Enter" && add()}
      />
      {known.length === 0 ? null : <datalist id={listId}>{known.map((each) => <option key={each} value={each} />)}</datalist>}
      <IconButton label="Add to the list" disabledReason={readOnlyReason} onClick={add}>
        <Plus size={14} />
      </IconButton>
    </span>
  );
}

/** Check boxes of the usual texts and of those that are there. Without a list nothing is restricted. */
export function Checks({ path, schema, value, id, ...about }: ControlProps): ReactNode {
  const { change, write, readOnlyReason } = useEditing();
  const texts = textsOf(value);
  const known = (schema.items?.examples ?? []).map(String);
  const isAny = value === undefined;
  const toggle = (text: string): void => {
    change((config) => changeList(config, path, (list) => (list.includes(text) ? list.filter((each) => each !== text) : [...list, text])));
  };
  return (
    <div {...about} id={id} role="group" aria-label={schema.title} className={styles.checks}>
      {[...known, ...texts.filter((text) => !known.includes(text))].map((text) => (
        <label key={text} title={readOnlyReason ?? text}>
          <input
            type="checkbox"
            className={styles.check}
            ref={(box) => void (box && (box.indeterminate = isAny))}
            disabled={readOnlyReason !== undefined}
            checked={texts.includes(text)}
            onChange={() => toggle(text)}
          />
          <span>{text}</span>
        </label>
      ))}
      <div className={styles.checksMore}>
        <AddText id={`${id}-other`} aria-label="Another one" aria-describedby={about["aria-describedby"]} aria-invalid={about["aria-invalid"]} path={path} known={[]} placeholder="Another one" />
        {isAny ? null : (
          <button type="button" className={styles.link} disabled={readOnlyReason !== undefined} title={readOnlyReason} onClick={() => write(path, undefined)}>
            Set no limit
          </button>
        )}
      </div>
    </div>
  );
}

/** For the title of the section: "3 of 8", or that there is no limit. */
export function checksSummary(schema: ControlProps["schema"], value: Json | undefined): string {
  if (value === undefined) return "no limit";
  const texts = textsOf(value);
  return `${texts.length} of ${new Set([...(schema.items?.examples ?? []).map(String), ...texts]).size}`;
}
