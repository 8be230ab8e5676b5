import "./styles.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { collectionsOf } from "./collections";
import { whoAndWhere } from "./server";

const root = createRoot(document.getElementById("root")!);
const fail = ({ message }: Error) => root.render(<p className="remark" role="alert">{message}</p>);

whoAndWhere().then(({ me, team }) => {
  const all = collectionsOf(team.id, fail);
  root.render(<StrictMode><App me={me.id} team={team.name} all={all} /></StrictMode>);
}).catch(fail);
