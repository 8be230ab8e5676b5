/** Who leaves an open pipeline with edits that the server does not have is asked. */
import { useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { type Guard, guardLeaving } from "../../session/leaving";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";

/** What is under way when somebody leaves gets so much time to arrive. */
const UNDER_WAY_MS = 1500;

export default function LeaveGuard(): ReactNode {
  const hasUnsaved = useSaved(({ unsaved }) => unsaved > 0);
  const [go, setGo] = useState<(() => void) | null>(null);
  const ask = useAsk((leave) => setGo(() => leave));
  useBrowsersQuestion(hasUnsaved);
  useEffect(() => (hasUnsaved ? guardLeaving(ask) : undefined), [hasUnsaved, ask]);
  useBackButton(hasUnsaved, ask);
  if (go === null) return null;
  return <Question leave={go} onStay={() => setGo(null)} />;
}

function Question({ leave, onStay }: { readonly leave: () => void; readonly onStay: () => void }): ReactNode {
  const unsaved = useSaved((saved) => saved.unsaved);
  const buttons = (
    <>
      <Button onClick={leave}>Leave</Button>
      <Button variant="primary" onClick={onStay}>
        Stay
      </Button>
    </>
  );
  return (
    <Dialog title="Leave with unsaved edits?" onClose={onStay} actions={buttons}>
      <p>
        {unsaved === 1 ? "1 edit is" : `${unsaved} edits are`} not on the server yet. They stay in this browser, and are sent once you
        open this pipeline here again.
      </p>
    </Dialog>
  );
}

/** Go on once what is under way has arrived; ask if it does not. Returns whether going is taken care of. */
function useAsk(question: (leave: () => void) => void): Guard {
  const room = useRoom();
  const latest = useRef(question);
  latest.current = question;
  const isLeaving = useRef(false);
  return useCallback<Guard>(
    (go) => {
      if (isLeaving.current || room.saved().unsaved === 0) return false;
      const leave = (): void => {
        isLeaving.current = true;
        go();
      };
      const settle = (next: () => void): void => {
        stop();
        clearTimeout(timer);
        next();
      };
      const stop = room.subscribe(() => room.saved().unsaved === 0 && settle(leave));
      const patience = room.saved().state === "saving" ? UNDER_WAY_MS : 0;
      const timer = setTimeout(() => settle(() => latest.current(leave)), patience);
      return true;
    },
    [room],
  );
}

/** Closing the window or loading another page: the browser words the question. */
function useBrowsersQuestion(hasUnsaved: boolean): void {
  useEffect(() => {
    if (!hasUnsaved) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [hasUnsaved]);
}

/** The browser has gone back already when it says so: come here again, then ask. */
function useBackButton(hasUnsaved: boolean, ask: Guard): void {
  useEffect(() => {
    if (!hasUnsaved) return;
    const here = location.pathname + location.search;
    const back = (event: PopStateEvent): void => {
      if (location.pathname + location.search === here || !ask(() => history.back())) return;
      event.stopImmediatePropagation();
      history.pushState(null, "", here);
    };
    // Before the router's own listener.
    addEventListener("popstate", back, true);
    return () => removeEventListener("popstate", back, true);
  }, [hasUnsaved, ask]);
}
