/** A grey shape where something will stand. */
import type { ReactNode } from "react";
import { cx } from "./cx";
import styles from "./Skeleton.module.css";

export const Skeleton = ({ className }: { readonly className?: string | undefined }): ReactNode => (
  <span aria-hidden="true" className={cx(styles.skeleton, className)} />
);
