/** Who else is on the canvas, and what they see of this window. */
import { useOthers } from "pipeloom-client/react";
import { type ReactNode, Suspense, useState } from "react";
import { useOwnPresence } from "./ownPresence";
import { later } from "../../ui/later";

const Others = later(() => import("./Others").then((module) => ({ default: module.Others })));

/** It stands inside `<ReactFlow>`, which knows what is seen. */
export function Cursors(): ReactNode {
  useOwnPresence();
  const isAnybodyHere = useOthers((others) => others.length > 0);
  // Once drawn it stays: it takes back what it has drawn of those who leave.
  const [wasAnybodyHere, setWas] = useState(false);
  if (isAnybodyHere && !wasAnybodyHere) setWas(true);
  return (
    <Suspense>{isAnybodyHere || wasAnybodyHere ? <Others /> : null}</Suspense>
  );
}
