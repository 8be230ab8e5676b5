/** A map with keys of one's own: a row for each. */
import { Pencil, Plus, X } from "lucide-react";
import { type ReactNode, Suspense, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { AnyValue } from "./AnyValue";
import { type ControlProps, Line } from "./controls";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import { Reason } from "./Frame";
import { getAt, isObject, renameKey, setAt } from "./paths";
import { later } from "../../ui/later";

const ValueYaml = later(() => import("./ValueYaml"));

/** Rows that are drawn; what is beyond them is in the YAML. */
const MOST = 100;

export function MapRows({ path, schema, value, id, ...about }: ControlProps): ReactNode {
  const { write, readOnlyReason } = useEditing();
  const [isAdding, setAdding] = useState(false);
  const [isYaml, setYaml] = useState(false);
  const map = isObject(value) ? value : {};
  const keys = Object.keys(map);
  if (isYaml) {
    return (
      <Suspense fallback={null}>
        <ValueYaml path={path} title={schema.title ?? String(path.at(-1))} value={map} onClose={() => setYaml(false)} />
      </Suspense>
    );
  }
  return (
    <div {...about} id={id} role="group" className={styles.rows}>
      {keys.slice(0, MOST).map((key) => (
        <div key={key} className={styles.row}>
          <Key path={path} name={key} />
          <AnyValue id={`${id}-${key}`} aria-describedby={about["aria-describedby"]} aria-invalid={undefined} path={[...path, key]} schema={{ title: `Value of ${key}` }} value={map[key]} isInRow />
          <IconButton label={`Remove ${key}`} disabledReason={readOnlyReason} onClick={() => write([...path, key], undefined)}>
            <X size={14} />
          </IconButton>
        </div>
      ))}
      {keys.length > MOST ? <p className={styles.hint}>{keys.length - MOST} more are in the YAML.</p> : null}
      {isAdding ? <NewKey path={path} taken={keys} onDone={() => setAdding(false)} /> : (
        <div className={styles.buttons}>
          <Button variant="ghost" icon={<Plus size={14} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => setAdding(true)}>
            Add
          </Button>
          <Button variant="ghost" icon={<Pencil size={12} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => setYaml(true)}>
            Edit as YAML
          </Button>
        </div>
      )}
    </div>
  );
}

function Key({ path, name }: { readonly path: ControlProps["path"]; readonly name: string }): ReactNode {
  const { change } = useEditing();
  const [refusal, setRefusal] = useState("");
  const commit = (typed: string): boolean => {
    const key = typed.trim();
    if (key === "") return setRefusal("Expected a name, got nothing"), false;
    let isTaken = false;
    const isWritten = change((config) => {
      const map = getAt(config, path);
      const renamed = isObject(map) ? renameKey(map, name, key) : null;
      isTaken = renamed === null;
      return renamed === null ? config : setAt(config, path, renamed);
    });
    setRefusal(isTaken ? `There is a ${key} already` : "");
    return isWritten && !isTaken;
  };
  const about = { id: `key-${name}`, "aria-label": "Name", "aria-describedby": "", "aria-invalid": refusal !== "" || undefined };
  return (
    <span className={styles.key}>
      <Line {...about} path={[...path, name]} shown={name} commit={commit} isLive={false} isMono />
      {refusal === "" ? null : <Reason severity="error">{refusal}</Reason>}
    </span>
  );
}

/** A row whose name is not written yet; the value comes with it. */
function NewKey({ path, taken, onDone }: {
  readonly path: ControlProps["path"];
  readonly taken: readonly string[];
  readonly onDone: () => void;
}): ReactNode {
  const { write } = useEditing();
  const [key, setKey] = useState("");
  const isTaken = taken.includes(key.trim());
  const done = (): void => {
    const name = key.trim();
    if (name !== "" && !isTaken) write([...path, name], "");
    if (!isTaken) onDone();
  };
  return (
    <div className={styles.row}>
      <span className={styles.key}>
        <input
          autoFocus
          aria-label="Name"
          aria-invalid={isTaken || undefined}
          className={`${styles.control} ${styles.mono}`}
          placeholder="Name"
          value={key}
          onChange={({ target }) => setKey(target.value)}
          onBlur={done}
          onKeyDown={(event) => {
            if (event.key === "Enter") done();
            if (event.key === "Escape") event.stopPropagation(), onDone();
          }}
        />
        {isTaken ? <Reason severity="error">There is a {key.trim()} already</Reason> : null}
      </span>
    </div>
  );
}
