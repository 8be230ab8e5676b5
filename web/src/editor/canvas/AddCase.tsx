/** Asks for the value of one more case of a switch. */
import { ListPlus } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { autofocus } from "../../ui/autofocus";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { Popover } from "../../ui/Popover";
import styles from "./AddCase.module.css";
import { useCanvasContent } from "./canvasContext";
import { useCanvasStore } from "./canvasState";
import containerStyles from "./ContainerNode.module.css";
import { slotOfCase } from "./slots";

export default function AddCase({ id }: { readonly id: string }): ReactNode {
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
