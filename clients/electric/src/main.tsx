import "./styles.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { collectionsOf } from "./collections";
import { whoAndWhere } from "./server";

const root = createRoot(document.getElementById("root")!);
whoAndWhere().then(
  ({ me, team }) => root.render(<StrictMode><App me={me.id} team={team.name} all={collectionsOf(team.id)} /></StrictMode>),
  (error: Error) => root.render(<p className="remark" role="alert">{error.message}</p>),
);
