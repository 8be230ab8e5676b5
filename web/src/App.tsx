/** The page: which view an address shows. */
import { lazy, type ReactNode, Suspense, useSyncExternalStore } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { EditorSkeleton } from "./editor/EditorSkeleton";
import { invitation } from "./session/invitation";
import { aroundNav } from "./session/leaving";
import { useSignedIn } from "./session/useSignedIn";

export const loadEditor = () => import("./editor/Editor");
export const loadHome = () => import("./home/Home");
export const loadInvitation = () => import("./invitation/Invitation");
const Editor = lazy(() => loadEditor().then((module) => ({ default: module.Editor })));
const Home = lazy(() => loadHome().then((module) => ({ default: module.Home })));
const Invitation = lazy(() => loadInvitation().then((module) => ({ default: module.Invitation })));
const SignIn = lazy(() => import("./session/SignIn").then((module) => ({ default: module.SignIn })));

export function App(): ReactNode {
  const secret = useSyncExternalStore(invitation.subscribe, invitation.get);
  // Whoever comes by a link answers first; then what the address asks for is there.
  if (secret !== null)
    return (
      <Suspense>
        <Invitation key={secret} secret={secret} />
      </Suspense>
    );
  return (
    <Router aroundNav={aroundNav}>
      <Switch>
        {/* An open pipeline stays, signed in or not: it may hold edits that nobody has saved. */}
        <Route path="/pipelines/:id">
          {({ id }) => (
            <Suspense fallback={<EditorSkeleton />}>
              <Editor key={id} pipeline={id} />
            </Suspense>
          )}
        </Route>
        <Route path="/embed/pipelines/:id">
          {({ id }) => (
            <Suspense fallback={<EditorSkeleton />}>
              <Editor key={id} pipeline={id} />
            </Suspense>
          )}
        </Route>
        <Route path="/home/:view?">
          {({ view }) => (
            <SignedIn>
              <Suspense>
                <Home view={view} />
              </Suspense>
            </SignedIn>
          )}
        </Route>
        <Route>
          <Redirect to="/home" replace />
        </Route>
      </Switch>
    </Router>
  );
}

const SignedIn = ({ children }: { readonly children: ReactNode }): ReactNode => (useSignedIn() ? children : <Suspense><SignIn /></Suspense>);
