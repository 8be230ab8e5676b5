/** A sentence of the server: what it names, in quotation marks or backticks, is shown as code. */
import { Fragment, type ReactNode } from "react";

export const Words = ({ text }: { readonly text: string }): ReactNode =>
  text.split(/["`]([^"`]+)["`]/).map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : <Fragment key={at}>{part}</Fragment>));
