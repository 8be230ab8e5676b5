/** What stands in the place of a list that could not be read: why, and the way to try again. */
import type { ReactNode } from "react";
import { sentenceOf } from "../session/rest";
import { Button } from "../ui/Button";
import styles from "./Home.module.css";

export const Failed = ({ error, retry }: { readonly error: Error; readonly retry: () => void }): ReactNode => (
  <p role="alert" className={styles.refusal}>
    {sentenceOf(error)} <Button onClick={retry}>Try again</Button>
  </p>
);
