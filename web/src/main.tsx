import "./theme/tokens.css";
import "./theme/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App, loadEditor, loadHome } from "./App";
import { takeTokenFromAddress } from "./session/token";
import { followTheme } from "./theme/theme";

takeTokenFromAddress();
followTheme();
// The editor and the lists are files of their own; what the address asks for is fetched before anything is drawn.
void (location.pathname.includes("/pipelines/") ? loadEditor() : loadHome());

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
