import "./theme/tokens.css";
import "./theme/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App, loadEditor } from "./App";
import { takeTokenFromAddress } from "./session/token";
import { followTheme } from "./theme/theme";

takeTokenFromAddress();
followTheme();
// The editor is a file of its own; with a pipeline's address it is fetched before anything is drawn.
if (location.pathname.startsWith("/pipelines/")) void loadEditor();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
