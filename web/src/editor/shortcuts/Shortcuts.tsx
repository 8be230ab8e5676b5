/** The keyboard of the editor, and what it answers: refusals at the pointer or the selection, said at once; the rest politely. */
import { Ban, Info } from "lucide-react";
import { type ReactNode, Suspense, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { type Refusal, useEditor, useSetEditor } from "../state";
import { later } from "../../ui/later";
import { useClipboardEvents } from "../clipboard/useClipboard";
import type { Handlers } from "./handlers";
import { Held } from "./Held";
import { isAbove, isField, keyOf } from "./keyOf";
import { elementOf, rememberFocus } from "./regions";
import styles from "./Shortcuts.module.css";
import { commandOf, SHORTCUTS, type Shortcut } from "./table";
import { useEditKeys, useWalkKeys } from "./useStepKeys";
import { useViewKeys } from "./useViewKeys";
import { focusedOnCanvas } from "./walking";

const Linking = later(() => import("../linking/Linking"));
const Help = later(() => import("./Help"));

export default function Shortcuts(): ReactNode {
  useShortcuts();
  useClipboardEvents();
  useEffect(rememberFocus, []);
  const isHelpOpen = useEditor((state) => state.isHelpOpen);
  const linking = useEditor((state) => state.linking);
  const set = useSetEditor();
  const close = useCallback(() => set({ isHelpOpen: false }), [set]);
  return (
    <>
      <Refused />
      <Noted />
      {linking === null ? null : <Link key={linking} from={linking} />}
      {isHelpOpen ? (
        <Suspense fallback={<Held onClose={close} />}>
          <Help />
        </Suspense>
      ) : null}
    </>
  );
}

/** Whoever knows the step goes on typing while the list is being loaded. */
function Link({ from }: { readonly from: string }): ReactNode {
  const set = useSetEditor();
  const [keys] = useState<string[]>([]);
  const close = useCallback(() => set({ linking: null }), [set]);
  return (
    <Suspense fallback={<Held keys={keys} onClose={close} />}>
      <Linking from={from} keys={keys} />
    </Suspense>
  );
}

function useHandlers(): Handlers {
  const [view, walk, edit] = [useViewKeys(), useWalkKeys(), useEditKeys()];
  return useMemo(() => ({ ...view, ...walk, ...edit }), [view, walk, edit]);
}

function useShortcuts(): void {
  const latest = useRef<Handlers | null>(null);
  latest.current = useHandlers();
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return;
      const key = keyOf(event);
      const command = commandOf(key);
      if (command === undefined || !applies(SHORTCUTS[command], event)) return;
      if (latest.current?.[command](key) !== false) event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

/** What is typed belongs to the field, and what is above the page has keys of its own. */
function applies({ on, isInFields }: Shortcut, { target }: KeyboardEvent): boolean {
  if (isAbove(target) || (isField(target) && isInFields !== true)) return false;
  if (on !== undefined && elementOf("canvas") === null) return false;
  return on !== "focus" || document.activeElement === document.body || focusedOnCanvas() !== null;
}

const SHOWN_MS = 4000;

function Refused(): ReactNode {
  const refusal = useEditor((state) => state.refusal);
  const set = useSetEditor();
  useEffect(() => {
    if (refusal === null) return;
    const timer = setTimeout(() => set({ refusal: null }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [refusal, set]);
  return <div role="alert">{refusal === null ? null : <Answer {...refusal} icon={<Ban size={14} aria-hidden="true" />} />}</div>;
}

/** What is no refusal, and what is said without being shown. */
function Noted(): ReactNode {
  const note = useEditor((state) => state.note);
  const said = useEditor((state) => state.said);
  const set = useSetEditor();
  useEffect(() => {
    if (note === null) return;
    const timer = setTimeout(() => set({ note: null }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [note, set]);
  return (
    <>
      <div aria-live="polite">{note === null ? null : <Answer {...note} icon={<Info size={14} aria-hidden="true" />} />}</div>
      <div aria-live="polite" className="visually-hidden">{said}</div>
    </>
  );
}

function Answer({ message, at, icon }: Refusal & { readonly icon: ReactNode }): ReactNode {
  const { x, y } = at ?? { x: innerWidth / 2, y: innerHeight / 2 };
  const paragraph = useRef<HTMLParagraphElement>(null);
  // As a popover it stands above dialogs; what is said anew stands above what has opened since.
  useLayoutEffect(() => {
    const element = paragraph.current;
    element?.showPopover();
    return () => element?.hidePopover();
  }, [message, at]);
  return (
    <p ref={paragraph} popover="manual" className={styles.refusal} style={{ left: Math.max(8, Math.min(x + 12, innerWidth - 320)), top: Math.max(8, Math.min(y + 12, innerHeight - 60)) }}>
      {icon} {message}
    </p>
  );
}
