/** A dialog above everything: the browser holds the focus inside, Escape closes it. */
import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./Button";
import { cx } from "./cx";
import styles from "./Dialog.module.css";

export function Dialog({ title, isWide = false, onClose, children, actions }: {
  readonly title: string;
  /** For what has more than a column. */
  readonly isWide?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** The buttons at the bottom, the primary one last. */
  readonly actions?: ReactNode;
}): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      className={cx(styles.dialog, isWide && styles.wide)}
      onCancel={(event) => (event.preventDefault(), onClose())}
      onClick={({ target }) => target === dialog.current && onClose()}
    >
      <div className={styles.inside}>
        <header className={styles.head}>
          <h2 id={titleId}>{title}</h2>
          <IconButton label="Close" onClick={onClose}>
            <X size={16} />
          </IconButton>
        </header>
        <div>{children}</div>
        {actions === undefined ? null : <footer className={styles.actions}>{actions}</footer>}
      </div>
    </dialog>
  );
}
