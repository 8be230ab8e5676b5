/** The page: which view an address shows. */
import { lazy, type ReactNode, Suspense } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { EditorSkeleton } from "./editor/EditorSkeleton";
import { aroundNav } from "./session/leaving";
import { useSignedIn } from "./session/useSignedIn";

export const loadEditor = () => import("./editor/Editor");
export const loadHome = () => import("./home/Home");
const Editor = lazy(() => loadEditor().then((module) => ({ default: module.Editor })));
const Home = lazy(() => loadHome().then((module) => ({ default: module.Home })));
const SignIn = lazy(() => import("./session/SignIn").then((module) => ({ default: module.SignIn })));

export function App(): ReactNode {
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
