/** What can be done with the cases of a switch: one more is asked for by its value, and each is moved among the others. */
import { ChevronLeft, ChevronRight, ListPlus } from "lucide-react";
import { useRoom } from "pipeloom-client/react";
import { type FormEvent, type ReactNode, useState } from "react";
import { autofocus } from "../../ui/autofocus";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { Popover } from "../../ui/Popover";
import { useCommands } from "../useCommands";
import styles from "./CaseControls.module.css";
import { useCanvasContent } from "./canvasContext";
import { useCanvasStore } from "./canvasState";
import containerStyles from "./ContainerNode.module.css";
import { structure } from "./later";
import { slotOfCase } from "./slots";

/** Of a lane, or of the whole switch where none is given. */
export default function CaseControls({ id, slot, title = "" }: { readonly id: string; readonly slot?: string; readonly title?: string }): ReactNode {
  return slot === undefined ? <AddCase id={id} /> : <MoveCase id={id} slot={slot} title={title} />;
}

function MoveCase({ id, slot, title }: { readonly id: string; readonly slot: string; readonly title: string }): ReactNode {
  const room = useRoom();
  const { check } = useCommands();
  const { scene } = useCanvasStore();
  const readOnly = useCanvasContent().readOnlyReason;
  const lanes = (scene?.frames.get(id)?.lanes ?? []).filter((lane) => lane.count > 0 && lane.slot.startsWith("cases:"));
  const at = lanes.findIndex((lane) => lane.slot === slot);
  if (at < 0 || lanes.length < 2) return null;
  const move = (by: -1 | 1): void => void structure().then(({ moveCase }) => check(moveCase(room.pipeline, id, slot, by)));
  return (
    <>
      {([-1, 1] as const).map((by) => {
        const label = `Move ${title} to the ${by < 0 ? "left" : "right"}`;
        const reason = readOnly ?? (lanes[at + by] === undefined ? `It is the ${by < 0 ? "first" : "last"} case` : undefined);
        const Icon = by < 0 ? ChevronLeft : ChevronRight;
        return (
          <button
            key={by}
            type="button"
            className={cx("nodrag", "nopan", containerStyles.icon, containerStyles.quiet)}
            aria-label={label}
            aria-disabled={reason !== undefined || undefined}
            title={reason ?? label}
            onClick={() => reason === undefined && move(by)}
          >
            <Icon size={15} />
          </button>
        );
      })}
    </>
  );
}

function AddCase({ id }: { readonly id: string }): ReactNode {
  const reason = useCanvasContent().readOnlyReason;
  const className = cx("nodrag", "nopan", containerStyles.icon, containerStyles.quiet);
  if (reason !== undefined) {
    return (
      <button type="button" tabIndex={-1} className={className} aria-label="Add a case" aria-disabled title={reason}>
        <ListPlus size={15} />
      </button>
    );
  }
  return (
    <Popover
      label="Add a case"
      trigger={(trigger) => (
        <button {...trigger} type="button" tabIndex={-1} className={className} aria-label="Add a case" title="Add a case">
          <ListPlus size={15} />
        </button>
      )}
    >
      {(close) => <Ask id={id} close={close} />}
    </Popover>
  );
}

function Ask({ id, close }: { readonly id: string; readonly close: () => void }): ReactNode {
  const store = useCanvasStore();
  const [value, setValue] = useState("");
  const [refusal, setRefusal] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const slot = slotOfCase(value);
    const isThere = store.scene?.frames.get(id)?.lanes.some((lane) => lane.slot === slot) ?? false;
    if (value.trim() === "") setRefusal("Write the value first.");
    else if (slot.length > 100) setRefusal("A value has up to 90 characters.");
    else if (isThere) setRefusal("This case is there already.");
    else {
      store.wait(id, { slot, x: null });
      close();
    }
  };
  return (
    <form onSubmit={submit} className={styles.ask}>
      <label>
        If the value is
        <input ref={autofocus} value={value} onChange={(event) => setValue(event.target.value)} placeholder="high" />
      </label>
      <Button type="submit" variant="primary">Add case</Button>
      <p role="alert" className={styles.refusal}>{refusal}</p>
    </form>
  );
}
