/** Roles in words. */
import type { Team } from "pipeloom-client/rest";

export const ROLES: Readonly<Record<Team["role"], string>> = { owner: "Owner", admin: "Admin", member: "Member", viewer: "Viewer" };
