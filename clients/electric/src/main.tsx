import "./styles.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { AskToken } from "./AskToken";
import { collectionsOf } from "./collections";
import { enter, hasToken, whoAndWhere } from "./server";

const root = createRoot(document.getElementById("root")!);
const fail = ({ message }: Error) => root.render(<p className="remark" role="alert">{message}</p>);

const begin = () => whoAndWhere().then(({ me, team }) => {
  const all = collectionsOf(team.id, fail);
  root.render(<StrictMode><App me={me.id} team={team.name} all={all} /></StrictMode>);
}).catch(fail);

if (hasToken) void begin();
else root.render(<AskToken enter={enter} />);
