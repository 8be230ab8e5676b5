/** Roles in words. */
import type { Team } from "pipeloom-client/rest";

export type Role = Team["role"];

export const ROLES: Readonly<Record<Role, string>> = { owner: "Owner", admin: "Admin", member: "Member", viewer: "Viewer" };

/** Such a person, within a sentence. */
export const A_ROLE: Readonly<Record<Role, string>> = { owner: "an owner", admin: "an admin", member: "a member", viewer: "a viewer" };

/** What somebody in a role may do, as the end of "You can …". */
export const RIGHTS: Readonly<Record<Role, string>> = {
  owner: "do everything in this team",
  admin: "edit its pipelines, and manage its people",
  member: "edit its pipelines",
  viewer: "read its pipelines, and see who works on them",
};

const GIVEN: readonly (readonly [Role, string])[] = [
  ["member", "Member: edits"],
  ["viewer", "Viewer: reads"],
  ["admin", "Admin: manages"],
];

/** The roles that somebody may give: their own at most. */
export const rolesGivenBy = (mine: Role): readonly (readonly [Role, string])[] =>
  mine === "owner" ? [...GIVEN, ["owner", "Owner: everything"]] : GIVEN;

export const mayInvite = ({ role }: Team): boolean => role === "owner" || role === "admin";

/** Why somebody cannot invite; undefined for those who can. */
export const whyNotInvite = (team: Team): string | undefined =>
  mayInvite(team) ? undefined : "Admins of the team invite people: ask one of them";
