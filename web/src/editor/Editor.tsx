/** A pipeline that is open: its areas in one grid, each a folder beside this file. */
import { ReactFlowProvider } from "@xyflow/react";
import { PipelineRoom, useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, Suspense, useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { IndexeddbPersistence } from "y-indexeddb";
import { isEmbedded } from "../session/parent";
import { token } from "../session/token";
import { Canvas } from "./canvas/Canvas";
import { Code } from "./code/Code";
import { CommentsProvider } from "./comments/CommentsProvider";
import styles from "./Editor.module.css";
import { EditorSkeleton } from "./EditorSkeleton";
import { LibraryArea } from "./library/LibraryArea";
import { Problems } from "./problems/Problems";
import { PropertiesArea } from "./properties/PropertiesArea";
import { useEditor, type View, ViewState } from "./state";
import { Topbar } from "./topbar/Topbar";
import { later, loadParts } from "../ui/later";
import { Part } from "../ui/Part";
import { useConnectAgain } from "./useConnectAgain";
import { useNarrow } from "./useNarrow";

const Gone = later(() => import("./gone/Gone").then((module) => ({ default: module.Gone })));
const LeaveGuard = later(() => import("./leaving/LeaveGuard"));
const History = later(() => import("./history/History"));
const People = later(() => import("./people/People"));
const Reading = later(() => import("./reading/Reading"));
const SignIn = later(() => import("../session/SignIn").then((module) => ({ default: module.SignIn })));
const Shortcuts = later(() => import("./shortcuts/Shortcuts"));

export function Editor({ pipeline }: { readonly pipeline: string }): ReactNode {
  return (
    <PipelineRoom pipeline={pipeline} token={token} {...(isEmbedded ? {} : { offline: IndexeddbPersistence })} fallback={<EditorSkeleton />}>
      <ReactFlowProvider>
        <ViewState pipeline={pipeline}>
          <CommentsProvider>
            <Areas />
          </CommentsProvider>
        </ViewState>
      </ReactFlowProvider>
    </PipelineRoom>
  );
}

function Areas(): ReactNode {
  const isGone = useSaved(({ state }) => state === "gone");
  const isStranger = useIsStranger();
  const isNarrow = useNarrow();
  const name = useTitle();
  useConnectAgain();
  usePartsLater();
  return (
    <>
      <Suspense>
        <LeaveGuard />
      </Suspense>
      {isStranger ? (
        <Suspense fallback={<EditorSkeleton />}>
          <SignIn />
        </Suspense>
      ) : isGone ? (
        <Suspense fallback={<EditorSkeleton />}>
          <Gone />
        </Suspense>
      ) : (
        <>
          <Suspense fallback={<EditorSkeleton />}>{isNarrow ? <Part name="The outline"><Reading /></Part> : <Wide name={name} />}</Suspense>
          <Part name="Others" isSilent>
            <Suspense>
              <People />
            </Suspense>
          </Part>
          <Part name="The keys" isSilent>
            <Suspense>
              <Shortcuts />
            </Suspense>
          </Part>
        </>
      )}
    </>
  );
}

function Wide({ name }: { readonly name: string }): ReactNode {
  const view = useEditor((state) => state.view);
  const isHistory = useEditor((state) => state.history !== null);
  return (
    <div className={styles.editor} data-view={view}>
      <h1 className="visually-hidden">{name}</h1>
      <Topbar />
      {isHistory ? (
        <Part name="The history">
          <Suspense fallback={null}>
            <History />
          </Suspense>
        </Part>
      ) : (
        <Work view={view} />
      )}
      <Problems />
    </div>
  );
}

/** Whether nothing is here and nothing will come: the link was old, or had no token. An open pipeline stays, with its edits. */
function useIsStranger(): boolean {
  const room = useRoom();
  const isSignedOut = useSaved(({ state }) => state === "signed out");
  const isLoaded = useSyncExternalStore(useCallback((listener: () => void) => room.subscribe(listener), [room]), () => room.isLoaded);
  return isSignedOut && !isLoaded;
}

/** The other parts come once the steps are there: until then they would only be in the way. */
function usePartsLater(): void {
  const room = useRoom();
  useEffect(() => {
    let stop: (() => void) | undefined;
    const begin = (): void => void (room.isLoaded && (stop ??= loadParts()));
    const end = room.subscribe(begin);
    begin();
    return () => {
      end();
      stop?.();
    };
  }, [room]);
}

/** The present pipeline: what one edits. */
const Work = ({ view }: { readonly view: View }): ReactNode => (
  <>
    <Part name="The library">
      <LibraryArea />
    </Part>
    <main className={styles.middle} aria-label="Pipeline">
      {view === "code" ? null : <Part name="The canvas"><Canvas /></Part>}
      {view === "graph" ? null : <Part name="The code"><Code /></Part>}
    </main>
    <PropertiesArea />
  </>
);

/** The name of the pipeline, which the window's title says, too. */
function useTitle(): string {
  const { pipeline } = useRoom();
  const [name, setName] = useState(pipeline.settings().name);
  useEffect(() => pipeline.subscribe(({ settings }) => settings && setName(pipeline.settings().name)), [pipeline]);
  useEffect(() => {
    document.title = `${name} – Pipeloom`;
    return () => void (document.title = "Pipeloom");
  }, [name]);
  return name;
}
