/** A part of the page that fails alone. */
import { Component, type ReactNode } from "react";
import { Button } from "./Button";
import styles from "./Part.module.css";

export interface PartProps {
  /** What it is called where it stands for itself: "The history". */
  readonly name: string;
  /** A part without a place of its own is left out when it fails. */
  readonly isSilent?: boolean;
  /** When this changes, something else is to be shown: it is tried again. */
  readonly resetOn?: unknown;
  readonly children: ReactNode;
}

/**
 * Shows its children, or says that they could not be shown, and tries again when asked to. Whatever others wrote, or
 * the server answered: without this React would take the whole page away, with the edits that wait.
 */
export class Part extends Component<PartProps, { readonly hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override componentDidUpdate(before: PartProps): void {
    if (this.state.hasFailed && before.resetOn !== this.props.resetOn) this.setState({ hasFailed: false });
  }

  override render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return this.props.isSilent ? null : (
      <section role="alert" className={styles.failed}>
        <p>{this.props.name} could not be shown. What you wrote is kept.</p>
        <Button onClick={() => this.setState({ hasFailed: false })}>Try again</Button>
      </section>
    );
  }
}
