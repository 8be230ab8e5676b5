import "./theme/tokens.css";
import "./theme/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App, loadEditor, loadHome, loadInvitation } from "./App";
import { invitation, takeInvitationFromAddress } from "./session/invitation";
import { takeTokenFromAddress } from "./session/token";
import { followTheme } from "./theme/theme";

takeTokenFromAddress();
takeInvitationFromAddress();
// A link to where this window is already changes nothing but the fragment, and loads no page.
addEventListener("hashchange", () => {
  takeTokenFromAddress();
  if (takeInvitationFromAddress()) location.reload();
});
followTheme();
// The editor and the lists are files of their own; what the address asks for is fetched before anything is drawn.
void (invitation.get() !== null ? loadInvitation() : location.pathname.includes("/pipelines/") ? loadEditor() : loadHome());

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
