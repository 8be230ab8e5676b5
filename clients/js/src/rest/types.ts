// Written by `python -m clients.js.rest_schema` from the server's OpenAPI document.

export interface paths {
    readonly "/me": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read the user of the token. */
        readonly get: operations["get_me"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /** @description Change your name, avatar or preferences. */
        readonly patch: operations["patch_me"];
        readonly trace?: never;
    };
    readonly "/me/invitations": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the teams to which you are invited, newest first, and by whom. */
        readonly get: operations["list_my_invitations"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/me/invitations/{invitation_id}/accept": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Become a member of the team that you are invited to. */
        readonly post: operations["accept_invitation"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/me/invitations/{invitation_id}/decline": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Decline an invitation. The team does not learn of it: for it, it stays open until it ends. */
        readonly post: operations["decline_invitation"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/session": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Exchange a token of a session, while it is valid, for one that is valid for longer. */
        readonly post: operations["renew_session"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/organizations": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the organizations in which you are in a team, newest first. */
        readonly get: operations["list_organizations"];
        readonly put?: never;
        /** @description Create an organization with its first team; you become the owner of that. */
        readonly post: operations["create_organization"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/organizations/{organization_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read an organization. */
        readonly get: operations["get_organization"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /** @description Rename an organization or replace its settings, as an owner of any of its teams. */
        readonly patch: operations["patch_organization"];
        readonly trace?: never;
    };
    readonly "/teams": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List your teams, newest first, with your role in each. */
        readonly get: operations["list_teams"];
        readonly put?: never;
        /** @description Create a team, as an owner of any team of the organization; you become its owner. */
        readonly post: operations["create_team"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/overview": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Count what a team has. */
        readonly get: operations["get_team_overview"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read a team. */
        readonly get: operations["get_team"];
        readonly put?: never;
        readonly post?: never;
        /**
         * @description Delete a team with all it has, as its owner; with pipelines only by `force`.
         *
         *     It is gone at once for everybody, and can be restored for a while: see `/deleted-teams`.
         */
        readonly delete: operations["delete_team"];
        readonly options?: never;
        readonly head?: never;
        /** @description Rename a team or replace its settings, as its owner or admin. */
        readonly patch: operations["patch_team"];
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/members": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the members of a team in the order in which they joined. */
        readonly get: operations["list_members"];
        readonly put?: never;
        /**
         * @description Add a colleague to a team, or invite somebody, as its owner or admin.
         *
         *     Who is in another team of the organization that you own is added at once, with 201. Everybody
         *     else is invited, with 202, whether or not there is such a user. Only owners add owners.
         */
        readonly post: operations["add_member"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/members/{user_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read one member. */
        readonly get: operations["get_member"];
        readonly put?: never;
        readonly post?: never;
        /** @description Take a member out of a team, as an owner or admin; anybody may leave. */
        readonly delete: operations["remove_member"];
        readonly options?: never;
        readonly head?: never;
        /** @description Change a member's role, as an owner or admin; only owners make or change owners. */
        readonly patch: operations["change_role"];
        readonly trace?: never;
    };
    readonly "/deleted-teams": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the deleted teams in which you are and that are still kept, the last deleted first. */
        readonly get: operations["list_deleted_teams"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/deleted-teams/{team_id}/restore": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * @description Bring a deleted team back with all it had, as its owner.
         *
         *     Pipelines that were deleted before it stay deleted. If another team of the organization has
         *     taken its slug, rename that one first.
         */
        readonly post: operations["restore_team"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/audit-log": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List what was done to a team, its members and what belongs to it, newest first. */
        readonly get: operations["list_audit_log_of_team"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/organizations/{organization_id}/audit-log": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * @description List what was done in an organization, also in teams that are no more, newest first.
         *
         *     Where no team is left, it is for those who owned the last one.
         */
        readonly get: operations["list_audit_log_of_organization"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/invitations": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the open invitations to a team, newest first, as its owner or admin. */
        readonly get: operations["list_invitations"];
        readonly put?: never;
        /**
         * @description Invite somebody to a team, as its owner or admin; only owners invite owners.
         *
         *     The answer is the same whether or not there is such a user. Who is invited already is invited
         *     anew, in this role.
         */
        readonly post: operations["create_invitation"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/invitations/{invitation_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read one open invitation to a team, as its owner or admin. */
        readonly get: operations["get_invitation"];
        readonly put?: never;
        readonly post?: never;
        /** @description Withdraw an invitation, as an owner or admin; only owners withdraw those of owners. */
        readonly delete: operations["withdraw_invitation"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/invitation-links": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the links to a team that are good, newest first, as its owner or admin. */
        readonly get: operations["list_invitation_links"];
        readonly put?: never;
        /** @description Make a link by which whoever has it joins, as an owner or admin; only owners for owners. */
        readonly post: operations["create_invitation_link"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/teams/{team_id}/invitation-links/{link_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read one link that is good, as an owner or admin. */
        readonly get: operations["get_invitation_link"];
        readonly put?: never;
        readonly post?: never;
        /** @description Revoke a link, as an owner or admin; only owners revoke those for owners. */
        readonly delete: operations["revoke_invitation_link"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/invitation-links/offer": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * @description Read to which team a link leads, in which role, and who invites.
         *
         *     Send its secret as the bearer token, with an account or without one.
         */
        readonly get: operations["get_invitation_link_offer"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/invitation-links/accept": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Become a member of the team of a link; who is one already stays as they are. */
        readonly post: operations["accept_invitation_link"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/invitation-links/join": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * @description Get an account and join the team of a link; send its secret as the bearer token.
         *
         *     Where an identity provider makes the tokens there are no accounts to be had here (403), and an
         *     address that somebody has is refused (409): sign in, and accept the link.
         */
        readonly post: operations["join_by_link"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * @description List the pipelines of your teams, each with its outline and with those who have it open.
         *
         *     `q` looks in names, descriptions, tags and steps; a step just written is found after a moment.
         *     A list by `updated` may repeat or miss a pipeline that is edited between two pages.
         */
        readonly get: operations["list_pipelines"];
        readonly put?: never;
        /**
         * @description Create a pipeline in a team of yours: empty, or from Pipeline YAML v2.
         *
         *     Settings beside `yaml` win over those in it. `findings` says what is odd about the YAML.
         */
        readonly post: operations["create_pipeline"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read a pipeline's settings. */
        readonly get: operations["get_pipeline"];
        readonly put?: never;
        readonly post?: never;
        /**
         * @description Delete a pipeline, as its creator, or as an owner or admin of the team.
         *
         *     It is gone at once for everybody, and can be restored for a while: see `/deleted-pipelines`.
         */
        readonly delete: operations["delete_pipeline"];
        readonly options?: never;
        readonly head?: never;
        /** @description Change a pipeline's settings in the live document. */
        readonly patch: operations["patch_pipeline"];
        readonly trace?: never;
    };
    readonly "/deleted-pipelines": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the deleted pipelines of your teams that are still kept, the last deleted first. */
        readonly get: operations["list_deleted_pipelines"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/deleted-pipelines/{pipeline_id}/restore": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Bring a deleted pipeline back with all it had: whoever may delete it may do so. */
        readonly post: operations["restore_pipeline"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/fork": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * @description Copy a pipeline into its own team or another of yours; steps and connections keep their ids.
         *
         *     The copy has a document and a history of its own, and remembers where it comes from.
         */
        readonly post: operations["fork_pipeline"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/steps": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the steps of a pipeline by id; parent, slot and order_index say what is where. */
        readonly get: operations["list_steps"];
        readonly put?: never;
        /** @description Add a step to the live document. */
        readonly post: operations["create_step"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/steps/{step_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read a step. */
        readonly get: operations["get_step"];
        readonly put?: never;
        readonly post?: never;
        /** @description Delete a step with the steps inside it and the connections of all of these. */
        readonly delete: operations["delete_step"];
        readonly options?: never;
        readonly head?: never;
        /**
         * @description Change a step in the live document: what others change of it at the same time survives.
         *
         *     What refers to the step by name follows a new name in the same edit.
         */
        readonly patch: operations["patch_step"];
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/connections": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the connections of a pipeline by id. */
        readonly get: operations["list_connections"];
        readonly put?: never;
        /** @description Connect two steps in the live document. */
        readonly post: operations["create_connection"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/connections/{connection_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read a connection. */
        readonly get: operations["get_connection"];
        readonly put?: never;
        readonly post?: never;
        /** @description Delete a connection from the live document. */
        readonly delete: operations["delete_connection"];
        readonly options?: never;
        readonly head?: never;
        /** @description Change a connection in the live document. */
        readonly patch: operations["patch_connection"];
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/diagnostics": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the diagnostics of a pipeline, by code and subject. */
        readonly get: operations["list_diagnostics"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/comments": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List comments, oldest first. */
        readonly get: operations["list_comments"];
        readonly put?: never;
        /** @description Comment on a pipeline; subscribers of its events receive the comment. */
        readonly post: operations["create_comment"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/comments/{comment_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read a comment. */
        readonly get: operations["get_comment"];
        readonly put?: never;
        readonly post?: never;
        /** @description Delete your comment, or anybody's as an owner or admin; with a root goes its thread. */
        readonly delete: operations["delete_comment"];
        readonly options?: never;
        readonly head?: never;
        /** @description Rewrite your comment, or resolve a thread at its root. */
        readonly patch: operations["patch_comment"];
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/events/ticket": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Get a ticket for one stream: open `…/events?ticket=` with it, once, within 30 seconds. */
        readonly post: operations["create_event_ticket"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Receive comments, versions and the deletion of a pipeline as they happen. */
        readonly get: operations["listen"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/presence": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description See who has the pipeline open, and what they said last of themselves: about a second ago. */
        readonly get: operations["get_presence"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/yaml": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Export a pipeline as Pipeline YAML v2, as it was last saved. */
        readonly get: operations["get_yaml"];
        /**
         * @description Make a pipeline equal to a file, by the smallest edits of the live document.
         *
         *     Steps that the file still has keep their ids and places; what others edit meanwhile survives.
         */
        readonly put: operations["put_yaml"];
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/versions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the saved states of a pipeline, newest first. */
        readonly get: operations["list_versions"];
        readonly put?: never;
        /** @description Save the present state, unless the newest version holds it and no other name is given. */
        readonly post: operations["create_version"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/versions/diff": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Compare a version with another one, or with the present state. */
        readonly get: operations["diff_versions"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/versions/{number}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read a saved state with its content. */
        readonly get: operations["get_version"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/versions/{number}/yaml": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Export a saved state as Pipeline YAML v2. */
        readonly get: operations["get_version_yaml"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/versions/{number}/restore": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * @description Restore a version by an edit that everybody sees; the state that it replaces is saved.
         *
         *     With `steps`, only these are put back, and the connections between them.
         */
        readonly post: operations["restore_version"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/history": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List who edited a pipeline and when, newest first; a page covers 2,000 updates. */
        readonly get: operations["list_history"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/pipelines/{pipeline_id}/history/changes": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List what edits of one user changed: name `first_seq`, `last_seq` and `user_id` of these. */
        readonly get: operations["get_changes"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/templates": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List the templates of your teams, newest first. */
        readonly get: operations["list_templates"];
        readonly put?: never;
        /** @description Make a template of a pipeline as it is now. */
        readonly post: operations["create_template"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/templates/{template_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read a template with its content and the names of its variables. */
        readonly get: operations["get_template"];
        readonly put?: never;
        readonly post?: never;
        /** @description Delete a template, as an owner or admin; pipelines made of it stay. */
        readonly delete: operations["delete_template"];
        readonly options?: never;
        readonly head?: never;
        /** @description Change what a template is called and its default values. */
        readonly patch: operations["patch_template"];
        readonly trace?: never;
    };
    readonly "/templates/{template_id}/instantiate": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Make a pipeline of a template; variables without a value have their default. */
        readonly post: operations["instantiate_template"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/validate": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** @description Read Pipeline YAML v2 and return the findings on it; nothing is stored. */
        readonly post: operations["validate"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/step-types": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description List all types of steps, each with the JSON Schema of such a step. */
        readonly get: operations["list_step_types"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/step-types/{step_type}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description Read one type of steps. */
        readonly get: operations["get_step_type"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Who did what, when and from where. */
        readonly AuditEntry: {
            /** @description Later entries have higher numbers. */
            readonly id: number;
            /** Format: date-time */
            readonly at: string;
            /** Format: uuid */
            readonly organization_id: string;
            /** @description Null for what is the whole organization's. */
            readonly team_id: string | null;
            /** @description The user who did it; null if none did. */
            readonly actor_id: string | null;
            /** @description Null if that user is gone, or none whom the caller may see. */
            readonly actor: components["schemas"]["UserProfile"] | null;
            /** @description The IP address of the user's client, `unknown` if its proxy gives none; or `command`, `worker`, `server`, or `database` for SQL by hand. */
            readonly address: string;
            /** @enum {string} */
            readonly action: "comment.deleted" | "invitation.created" | "invitation.withdrawn" | "member.added" | "member.removed" | "member.role_changed" | "organization.changed" | "organization.created" | "organization.deleted" | "pipeline.created" | "pipeline.deleted" | "pipeline.moved" | "pipeline.purged" | "pipeline.restored" | "team.changed" | "team.created" | "team.deleted" | "team.purged" | "team.restored" | "template.changed" | "template.created" | "template.deleted";
            /**
             * Format: uuid
             * @description What was changed; of a membership, the user.
             */
            readonly subject_id: string;
            /** @description Null for what is new. Long values are cut. */
            readonly before: {
                readonly [key: string]: unknown;
            } | null;
            /** @description Null for what is gone. Long values are cut. */
            readonly after: {
                readonly [key: string]: unknown;
            } | null;
        };
        /** @description One value that differs; `path` is a JSON pointer (RFC 6901). */
        readonly Change: {
            readonly path: string;
            /** @enum {string} */
            readonly kind: "added" | "removed" | "changed";
            readonly before?: unknown;
            readonly after?: unknown;
        };
        /** @description Something somebody said about a pipeline or a step. */
        readonly Comment: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly pipeline_id: string;
            /** @description The step it is about; null: the pipeline. */
            readonly step_id: string | null;
            /** @description Whether its step is not there (any more). */
            readonly detached: boolean;
            /** @description The root of its thread; null: it is one. */
            readonly parent_id: string | null;
            /** @description Null once the author has left the team. */
            readonly author: components["schemas"]["UserProfile"] | null;
            readonly content: string;
            readonly resolved: boolean;
            readonly resolved_by: string | null;
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly updated_at: string;
        };
        /** @description Changes to a comment: its author rewrites, every member resolves a thread's root. */
        readonly CommentPatch: {
            readonly content?: string;
            readonly resolved?: boolean;
        };
        /** @description A flow of data from one step to another. */
        readonly Connection: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly from_step_id: string;
            /** Format: uuid */
            readonly to_step_id: string;
            readonly from_output: string;
            readonly to_input: string;
            /** @description Null until the tables have it. */
            readonly created_at?: string | null;
            readonly updated_at?: string | null;
            /** @description How the canvas draws it: any JSON value. */
            readonly path_data: unknown;
        };
        /** @description Changes to a connection. */
        readonly ConnectionPatch: {
            /** Format: uuid */
            readonly from_step_id?: string;
            /** Format: uuid */
            readonly to_step_id?: string;
            readonly from_output?: string;
            readonly to_input?: string;
            readonly path_data?: unknown;
        };
        /** @description A pipeline just created, with what is odd about the YAML it comes from. */
        readonly Created: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly team_id: string;
            readonly created_by: string | null;
            /** @description The pipeline this one was forked from. */
            readonly parent_pipeline_id: string | null;
            readonly name: string;
            readonly description: string | null;
            /** @enum {string} */
            readonly status: "draft" | "active" | "archived";
            readonly tags: readonly string[];
            readonly yaml_version: string;
            readonly is_template: boolean;
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly updated_at: string;
            readonly published_at: string | null;
            readonly config: {
                readonly [key: string]: unknown;
            };
            readonly defaults: {
                readonly [key: string]: unknown;
            };
            readonly authentication: {
                readonly [key: string]: unknown;
            };
            readonly findings: readonly components["schemas"]["Finding"][];
        };
        /** @description A pipeline that was deleted and is kept. */
        readonly DeletedPipeline: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly team_id: string;
            readonly created_by: string | null;
            readonly name: string;
            readonly description: string | null;
            /** Format: date-time */
            readonly deleted_at: string;
            /** @description Who deleted it; null if that user is gone, or none whom the caller may see. */
            readonly deleted_by: components["schemas"]["UserProfile"] | null;
            /**
             * Format: date-time
             * @description It can be restored until then at least.
             */
            readonly kept_until: string;
        };
        /** @description A team that was deleted and is kept. */
        readonly DeletedTeam: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly organization_id: string;
            readonly organization_name: string;
            readonly name: string;
            readonly slug: string;
            /**
             * @description Yours: owners can restore it.
             * @enum {string}
             */
            readonly role: "owner" | "admin" | "member" | "viewer";
            /** @description How many come back with it. */
            readonly pipelines: number;
            /** Format: date-time */
            readonly deleted_at: string;
            /** @description Null if that user is gone. */
            readonly deleted_by: components["schemas"]["UserProfile"] | null;
            /**
             * Format: date-time
             * @description It can be restored until then at least.
             */
            readonly kept_until: string;
        };
        /**
         * @description Something in the document that no row can hold, or that no runner understands.
         *
         *     `path` is a JSON pointer (RFC 6901) from the subject's entry in the document.
         */
        readonly Diagnostic: {
            readonly code: string;
            readonly subject: string;
            /** @enum {string} */
            readonly severity: "error" | "warning";
            readonly message: string;
            readonly path: string;
            readonly suggestion: string;
        };
        /** @description Everything that differs between two states of a pipeline. */
        readonly Difference: {
            readonly settings: readonly components["schemas"]["Change"][];
            readonly steps: readonly components["schemas"]["EntryChange"][];
            readonly connections: readonly components["schemas"]["EntryChange"][];
        };
        /** @description What edits touched, but for what came and went within them. */
        readonly Edited: {
            readonly settings: boolean;
            readonly steps: readonly components["schemas"]["EntryChange"][];
            readonly connections: readonly components["schemas"]["EntryChange"][];
        };
        /** @description What one person edited without a long pause; others may have edited in between. */
        readonly Edits: {
            /** @description Null once that person has left the team; `system` for repairs by the server. */
            readonly user: components["schemas"]["UserProfile"] | null;
            readonly user_id: string | null;
            readonly first_seq: number;
            readonly last_seq: number;
            /** Format: date-time */
            readonly first_at: string;
            /** Format: date-time */
            readonly last_at: string;
            readonly updates: number;
        };
        /** @description A step or connection that differs; of one added or removed, `changes` is empty. */
        readonly EntryChange: {
            readonly id: string;
            /** @enum {string} */
            readonly kind: "added" | "removed" | "changed";
            readonly name: string | null;
            readonly changes: readonly components["schemas"]["Change"][];
        };
        /** @description A remark about a pipeline file; line and column count from 1. */
        readonly Finding: {
            /** @enum {string} */
            readonly severity: "error" | "warning";
            readonly code: string;
            readonly message: string;
            readonly line: number;
            readonly column: number;
        };
        /** @description The team that a new organization starts with. */
        readonly FirstTeam: {
            readonly name: string;
            readonly slug?: string | null;
        };
        /** @description Where a copy goes and what it is called; into the same team, as "… (fork)", unless said. */
        readonly Fork: {
            readonly team_id?: string | null;
            readonly name?: string | null;
        };
        /** @description A pipeline to be made of a template: for which team, and with which values. */
        readonly Instance: {
            /** Format: uuid */
            readonly team_id: string;
            readonly name?: string | null;
            readonly variables?: {
                readonly [key: string]: unknown;
            };
        };
        /** @description An open invitation to a team; `email` or `user_id` as it was given, the other is null. */
        readonly Invitation: {
            /** Format: uuid */
            readonly id: string;
            /** @description In lower case. Nothing says whether it exists. */
            readonly email: string | null;
            readonly user_id: string | null;
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
            readonly invited_by: components["schemas"]["UserProfile"];
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly expires_at: string;
        };
        /** @description A link that is good; its secret is shown nowhere. */
        readonly InvitationLink: {
            /** Format: uuid */
            readonly id: string;
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
            readonly invited_by: components["schemas"]["UserProfile"];
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly expires_at: string;
            readonly max_uses: number;
            readonly uses: number;
        };
        /** @description Somebody to invite or to add, by id or by email: one of the two. */
        readonly Invited: {
            readonly user_id?: string | null;
            readonly email?: string | null;
            /**
             * @description What they may do as a member.
             * @default member
             * @enum {string}
             */
            readonly role?: "owner" | "admin" | "member" | "viewer";
        };
        /** @description The first token of somebody new, which a page renews as that of any session. */
        readonly Joined: {
            /** Format: uuid */
            readonly team_id: string;
            readonly token: string;
            /** Format: date-time */
            readonly expires_at: string;
            /** Format: date-time */
            readonly renewable_until: string;
        };
        /** @description The secret of a link: what follows `#invitation=` in it. */
        readonly LinkGiven: {
            readonly secret: string;
        };
        /** @description A link to make. */
        readonly LinkWanted: {
            /**
             * @description What whoever uses it may do; your own at most.
             * @default member
             * @enum {string}
             */
            readonly role?: "owner" | "admin" | "member" | "viewer";
            /** @default 25 */
            readonly max_uses?: number;
            /** @description How long it is good; by default as long as an invitation. */
            readonly days?: number | null;
        };
        /** @description A pipeline in a list, with its outline and with those who are there. */
        readonly ListedPipeline: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly team_id: string;
            readonly created_by: string | null;
            /** @description The pipeline this one was forked from. */
            readonly parent_pipeline_id: string | null;
            readonly name: string;
            readonly description: string | null;
            /** @enum {string} */
            readonly status: "draft" | "active" | "archived";
            readonly tags: readonly string[];
            readonly yaml_version: string;
            readonly is_template: boolean;
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly updated_at: string;
            readonly published_at: string | null;
            readonly outline: components["schemas"]["Outline"];
            /** @description Who has it open, by name, at most 10; as of about a second ago. */
            readonly present: readonly components["schemas"]["UserProfile"][];
        };
        /** @description A saved state with the person who saved it. */
        readonly ListedVersion: {
            /** Format: uuid */
            readonly id: string;
            readonly version_number: number;
            /** @description The last update of the log that is in it. */
            readonly seq: number;
            readonly name: string | null;
            readonly change_summary: string | null;
            readonly created_by: string | null;
            /** Format: date-time */
            readonly created_at: string;
            /** @description Null for those that the server saved, and once the author has left the team. */
            readonly author: components["schemas"]["UserProfile"] | null;
        };
        /** @description The user whose token it is. */
        readonly Me: {
            /** Format: uuid */
            readonly id: string;
            readonly email: string;
            readonly name: string;
            readonly avatar_url: string | null;
            readonly preferences: {
                readonly [key: string]: unknown;
            };
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly updated_at: string;
        };
        /** @description What users may change of their own row; `preferences` are replaced as a whole. */
        readonly MePatch: {
            readonly name?: string;
            readonly avatar_url?: string | null;
            readonly preferences?: {
                readonly [key: string]: unknown;
            };
        };
        /** @description A member of a team. */
        readonly Member: {
            /** Format: uuid */
            readonly id: string;
            readonly name: string;
            readonly avatar_url?: string | null;
            readonly email: string;
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
            /** Format: date-time */
            readonly joined_at: string;
        };
        /** @description A new role. */
        readonly MemberPatch: {
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
        };
        /** @description An invitation to the caller. */
        readonly MyInvitation: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly team_id: string;
            readonly team_name: string;
            readonly organization_name: string;
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
            readonly invited_by: components["schemas"]["UserProfile"];
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly expires_at: string;
        };
        /** @description Something to say: in a thread (`parent_id`), about a step, or about the pipeline. */
        readonly NewComment: {
            readonly content: string;
            readonly step_id?: string | null;
            /** @description The root of a thread; a reply is about the same step as the root. */
            readonly parent_id?: string | null;
        };
        /** @description A connection to be; no two may have the same four ends. */
        readonly NewConnection: {
            /** @description Chosen by the server unless given. */
            readonly id?: string | null;
            /** Format: uuid */
            readonly from_step_id: string;
            /** Format: uuid */
            readonly to_step_id: string;
            /** @default output */
            readonly from_output?: string;
            /** @default input */
            readonly to_input?: string;
            readonly path_data?: unknown;
        };
        /** @description A link that was made just now, with its secret. */
        readonly NewInvitationLink: {
            /** Format: uuid */
            readonly id: string;
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
            readonly invited_by: components["schemas"]["UserProfile"];
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly expires_at: string;
            readonly max_uses: number;
            readonly uses: number;
            /** @description Shown this once: only its hash is stored. */
            readonly secret: string;
            /** @description What to append to the address of the page. */
            readonly path: string;
        };
        /** @description An organization to be; slugs are made of names unless given. */
        readonly NewOrganization: {
            readonly name: string;
            readonly slug?: string | null;
            /**
             * @default {
             *       "name": "General"
             *     }
             */
            readonly team?: components["schemas"]["FirstTeam"];
        };
        /** @description A pipeline to be: empty, or with the content of a pipeline file. */
        readonly NewPipeline: {
            readonly name?: string;
            readonly description?: string | null;
            /** @enum {string} */
            readonly status?: "draft" | "active" | "archived";
            readonly tags?: readonly string[];
            readonly config?: {
                readonly [key: string]: unknown;
            };
            readonly defaults?: {
                readonly [key: string]: unknown;
            };
            readonly authentication?: {
                readonly [key: string]: unknown;
            };
            readonly is_template?: boolean;
            /** Format: uuid */
            readonly team_id: string;
            /** @description Pipeline YAML v2. */
            readonly yaml?: string | null;
        };
        /** @description A step to be; it comes at the end of its slot unless `before` names a sibling. */
        readonly NewStep: {
            /** @description Chosen by the server unless given. */
            readonly id?: string | null;
            readonly name: string;
            readonly type: string;
            readonly parent_step_id?: string | null;
            /** @default steps */
            readonly slot?: string;
            /**
             * @default {
             *       "x": 0,
             *       "y": 0
             *     }
             */
            readonly position?: components["schemas"]["Position"];
            /**
             * @default {
             *       "width": 200,
             *       "height": 100
             *     }
             */
            readonly size?: components["schemas"]["Size"];
            readonly config?: {
                readonly [key: string]: unknown;
            };
            /** @description The sibling to stand before. */
            readonly before?: string | null;
            /** @default true */
            readonly enabled?: boolean;
        };
        /** @description A team to be; its slug is made of the name unless given. */
        readonly NewTeam: {
            /** Format: uuid */
            readonly organization_id: string;
            readonly name: string;
            readonly slug?: string | null;
        };
        /** @description A template to be made of a pipeline; for the pipeline's team unless another is named. */
        readonly NewTemplate: {
            /** Format: uuid */
            readonly pipeline_id: string;
            readonly team_id?: string | null;
            readonly name: string;
            readonly description?: string | null;
            readonly category?: string | null;
            readonly icon?: string | null;
            readonly default_values?: {
                readonly [key: string]: unknown;
            };
        };
        /** @description A name for the present state. */
        readonly NewVersion: {
            readonly name: string;
            readonly change_summary?: string | null;
        };
        /** @description Somebody who has no account yet. */
        readonly Newcomer: {
            /** @description Nobody verifies it: no invitation to it is shown. */
            readonly email: string;
            readonly name: string;
        };
        /** @description What a link offers, for whoever has it. */
        readonly Offer: {
            /** Format: uuid */
            readonly team_id: string;
            readonly team_name: string;
            readonly organization_name: string;
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
            readonly invited_by: components["schemas"]["UserProfile"];
            /** Format: date-time */
            readonly expires_at: string;
            /** @description 0: it is used up, and lets only members in. */
            readonly uses_left: number;
            /** @description Whether `join` makes an account for somebody new. */
            readonly gives_accounts: boolean;
        };
        /** @description An organization with a team of the caller's. */
        readonly Organization: {
            /** Format: uuid */
            readonly id: string;
            readonly name: string;
            readonly slug: string;
            readonly settings: {
                readonly [key: string]: unknown;
            };
            /** Format: date-time */
            readonly created_at: string;
        };
        /** @description What may be changed of an organization; `settings` are replaced as a whole. */
        readonly OrganizationPatch: {
            readonly name?: string;
            readonly slug?: string;
            readonly settings?: {
                readonly [key: string]: unknown;
            };
        };
        /** @description What is in a pipeline, in short. */
        readonly Outline: {
            readonly step_count: number;
            /** @description How many of its diagnostics are errors. */
            readonly errors: number;
            readonly warnings: number;
            /** @description The first 24 of the top level. */
            readonly steps: readonly components["schemas"]["OutlinedStep"][];
        };
        /** @description A step of the top level in a small picture of its pipeline. */
        readonly OutlinedStep: {
            readonly type: string;
            readonly x: number;
            readonly y: number;
        };
        readonly Page_AuditEntry_: {
            readonly items: readonly components["schemas"]["AuditEntry"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Comment_: {
            readonly items: readonly components["schemas"]["Comment"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Connection_: {
            readonly items: readonly components["schemas"]["Connection"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_DeletedPipeline_: {
            readonly items: readonly components["schemas"]["DeletedPipeline"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_DeletedTeam_: {
            readonly items: readonly components["schemas"]["DeletedTeam"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Diagnostic_: {
            readonly items: readonly components["schemas"]["Diagnostic"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Edits_: {
            readonly items: readonly components["schemas"]["Edits"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_InvitationLink_: {
            readonly items: readonly components["schemas"]["InvitationLink"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Invitation_: {
            readonly items: readonly components["schemas"]["Invitation"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_ListedPipeline_: {
            readonly items: readonly components["schemas"]["ListedPipeline"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_ListedVersion_: {
            readonly items: readonly components["schemas"]["ListedVersion"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Member_: {
            readonly items: readonly components["schemas"]["Member"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_MyInvitation_: {
            readonly items: readonly components["schemas"]["MyInvitation"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Organization_: {
            readonly items: readonly components["schemas"]["Organization"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Step_: {
            readonly items: readonly components["schemas"]["Step"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_Team_: {
            readonly items: readonly components["schemas"]["Team"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        readonly Page_TemplateSummary_: {
            readonly items: readonly components["schemas"]["TemplateSummary"][];
            /** @description Pass it as `cursor` for the next page; null on the last. */
            readonly next_cursor: string | null;
        };
        /** @description A pipeline with its settings; steps and connections are resources of their own. */
        readonly Pipeline: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly team_id: string;
            readonly created_by: string | null;
            /** @description The pipeline this one was forked from. */
            readonly parent_pipeline_id: string | null;
            readonly name: string;
            readonly description: string | null;
            /** @enum {string} */
            readonly status: "draft" | "active" | "archived";
            readonly tags: readonly string[];
            readonly yaml_version: string;
            readonly is_template: boolean;
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly updated_at: string;
            readonly published_at: string | null;
            readonly config: {
                readonly [key: string]: unknown;
            };
            readonly defaults: {
                readonly [key: string]: unknown;
            };
            readonly authentication: {
                readonly [key: string]: unknown;
            };
        };
        /** @description Changes to settings; `config`, `defaults`, `authentication` are merge patches, too. */
        readonly PipelinePatch: {
            readonly name?: string;
            readonly description?: string | null;
            /** @enum {string} */
            readonly status?: "draft" | "active" | "archived";
            readonly tags?: readonly string[];
            readonly config?: {
                readonly [key: string]: unknown;
            };
            readonly defaults?: {
                readonly [key: string]: unknown;
            };
            readonly authentication?: {
                readonly [key: string]: unknown;
            };
            readonly is_template?: boolean;
        };
        /** @description A place on the canvas, in pixels. */
        readonly Point: {
            readonly x: number;
            readonly y: number;
        };
        /** @description A place in canvas pixels, from the parent step's corner; y grows downwards. */
        readonly Position: {
            readonly x: number;
            readonly y: number;
        };
        /** @description Everybody who has the pipeline open. */
        readonly Presence: {
            readonly items: readonly components["schemas"]["Present"][];
        };
        /** @description A user who has the pipeline open, with the presence that was sent last. */
        readonly Present: {
            readonly user: components["schemas"]["UserProfile"];
            readonly cursor: components["schemas"]["Point"] | null;
            /** @description Ids of steps. */
            readonly selection: readonly string[];
            readonly status: string | null;
        };
        /** @description What is to be restored: all, or single steps. */
        readonly Restoration: {
            /** @description Ids of steps of the version, which alone are put back; the rest stays. */
            readonly steps?: readonly string[] | null;
        };
        /** @description What came of returning to a version. */
        readonly Restored: {
            /** @description The version returned to. */
            readonly version_number: number;
            /** @description What there was before, unless it was saved already. */
            readonly saved: components["schemas"]["Version"] | null;
            /** @description The update by which it was done. */
            readonly seq: number;
        };
        /** @description The next token of a session. */
        readonly Session: {
            readonly token: string;
            /**
             * Format: date-time
             * @description Renew it well before.
             */
            readonly expires_at: string;
            /**
             * Format: date-time
             * @description When the session ends for good.
             */
            readonly renewable_until: string;
        };
        /** @description An extent in canvas pixels. */
        readonly Size: {
            readonly width: number;
            readonly height: number;
        };
        /** @description A list of a step that holds other steps. */
        readonly SlotShown: {
            /** @description What `slot` of these steps is. */
            readonly name: string;
            readonly title: string;
            readonly description: string;
            /** @description Whether a step cannot run without it. */
            readonly required: boolean;
            /** @description One for each key of a map: `slot` is the name, a colon and the key as JSON. */
            readonly keyed: boolean;
        };
        /** @description A box of a pipeline. */
        readonly Step: {
            /** Format: uuid */
            readonly id: string;
            readonly name: string;
            readonly type: string;
            /** @description Whether `type` is one of Pipeline YAML v2. */
            readonly supported: boolean;
            /** @description The step it is inside of; null at the top. */
            readonly parent_step_id: string | null;
            /** @description The list of the parent that it stands in. */
            readonly slot: string;
            /** @description Its place in that list, from 0. */
            readonly order_index: number;
            readonly position: components["schemas"]["Position"];
            readonly size: components["schemas"]["Size"];
            readonly config: {
                readonly [key: string]: unknown;
            };
            /** @description Null until the tables have it. */
            readonly created_at?: string | null;
            readonly updated_at?: string | null;
            /** @description Whether it runs. */
            readonly enabled: boolean;
        };
        /** @description Changes to a step; `config` is a merge patch in itself: null removes a key of it. */
        readonly StepPatch: {
            readonly name?: string;
            readonly type?: string;
            readonly parent_step_id?: string | null;
            readonly slot?: string;
            readonly position?: components["schemas"]["Position"];
            readonly size?: components["schemas"]["Size"];
            readonly config?: {
                readonly [key: string]: unknown;
            };
            /** @description The sibling to move before; null: to the end of the slot. */
            readonly before?: string | null;
            readonly enabled?: boolean;
        };
        /** @description A type of steps. */
        readonly StepTypeShown: {
            readonly type: string;
            readonly title: string;
            readonly description: string;
            /**
             * @description How a canvas may group and colour it.
             * @enum {string}
             */
            readonly family: "model" | "flow" | "data" | "other";
            readonly slots: readonly components["schemas"]["SlotShown"][];
            /** @description JSON Schema (2020-12) of a step as its map in the document has it. */
            readonly schema: {
                readonly [key: string]: unknown;
            };
        };
        /** @description Every type that Pipeline YAML v2 knows. */
        readonly StepTypes: {
            readonly items: readonly components["schemas"]["StepTypeShown"][];
        };
        /** @description How many bytes the pipelines of a team store, those that are deleted and kept included. */
        readonly StoredBytes: {
            /** @description What people wrote, update by update. */
            readonly log: number;
            readonly states: number;
            readonly versions: number;
            readonly comments: number;
            /** @description How many all of these may be together. */
            readonly limit: number;
        };
        /** @description A tag, and how many pipelines have it. */
        readonly TagCount: {
            readonly tag: string;
            readonly count: number;
        };
        /** @description A team of the caller's. */
        readonly Team: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly organization_id: string;
            readonly name: string;
            readonly slug: string;
            readonly settings: {
                readonly [key: string]: unknown;
            };
            /** @enum {string} */
            readonly role: "owner" | "admin" | "member" | "viewer";
            /** Format: date-time */
            readonly created_at: string;
        };
        /** @description How many pipelines and templates a team has, which tags, and what it stores. */
        readonly TeamOverview: {
            readonly draft: number;
            readonly active: number;
            readonly archived: number;
            /** @description Those that can still be brought back. */
            readonly deleted: number;
            readonly templates: number;
            /** @description The most frequent first, at most 100. */
            readonly tags: readonly components["schemas"]["TagCount"][];
            readonly bytes: components["schemas"]["StoredBytes"];
        };
        /** @description What may be changed of a team; `settings` are replaced as a whole. */
        readonly TeamPatch: {
            readonly name?: string;
            readonly slug?: string;
            readonly settings?: {
                readonly [key: string]: unknown;
            };
        };
        /** @description A template with its content. */
        readonly Template: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly team_id: string;
            readonly created_by: string | null;
            readonly source_pipeline_id: string | null;
            readonly name: string;
            readonly description: string | null;
            readonly category: string | null;
            readonly icon: string | null;
            readonly default_values: {
                readonly [key: string]: unknown;
            };
            /** @description How many pipelines were made of it. */
            readonly usage_count: number;
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly updated_at: string;
            /** @description The names in `{{template.name}}`. */
            readonly variables: readonly string[];
            /** @description The whole pipeline as data. */
            readonly pipeline_config: {
                readonly [key: string]: unknown;
            };
        };
        /** @description Changes to a template; `default_values` are replaced as a whole. */
        readonly TemplatePatch: {
            readonly name?: string;
            readonly description?: string | null;
            readonly category?: string | null;
            readonly icon?: string | null;
            readonly default_values?: {
                readonly [key: string]: unknown;
            };
        };
        /** @description A template in a list. */
        readonly TemplateSummary: {
            /** Format: uuid */
            readonly id: string;
            /** Format: uuid */
            readonly team_id: string;
            readonly created_by: string | null;
            readonly source_pipeline_id: string | null;
            readonly name: string;
            readonly description: string | null;
            readonly category: string | null;
            readonly icon: string | null;
            readonly default_values: {
                readonly [key: string]: unknown;
            };
            /** @description How many pipelines were made of it. */
            readonly usage_count: number;
            /** Format: date-time */
            readonly created_at: string;
            /** Format: date-time */
            readonly updated_at: string;
        };
        /** @description What a browser's `EventSource` puts into the address in place of a token. */
        readonly TicketShown: {
            readonly ticket: string;
            /**
             * Format: date-time
             * @description Until when a stream can be opened with it.
             */
            readonly expires_at: string;
        };
        /** @description Somebody with whom the caller shares a team, or who invites the caller to one. */
        readonly UserProfile: {
            /** Format: uuid */
            readonly id: string;
            readonly name: string;
            readonly avatar_url?: string | null;
        };
        /** @description The content of a pipeline file, and the findings on it. */
        readonly Validation: {
            readonly name: string;
            readonly steps: number;
            readonly connections: number;
            readonly findings: readonly components["schemas"]["Finding"][];
        };
        /** @description A saved state of a pipeline. */
        readonly Version: {
            /** Format: uuid */
            readonly id: string;
            readonly version_number: number;
            /** @description The last update of the log that is in it. */
            readonly seq: number;
            readonly name: string | null;
            readonly change_summary: string | null;
            readonly created_by: string | null;
            /** Format: date-time */
            readonly created_at: string;
        };
        /** @description A saved state with its content, as the tables had it. */
        readonly WholeVersion: {
            /** Format: uuid */
            readonly id: string;
            readonly version_number: number;
            /** @description The last update of the log that is in it. */
            readonly seq: number;
            readonly name: string | null;
            readonly change_summary: string | null;
            readonly created_by: string | null;
            /** Format: date-time */
            readonly created_at: string;
            readonly pipeline: {
                readonly [key: string]: unknown;
            };
            readonly steps: readonly {
                readonly [key: string]: unknown;
            }[];
            readonly connections: readonly {
                readonly [key: string]: unknown;
            }[];
        };
        /** @description One fault of a request. */
        readonly ProblemError: {
            /** @description Where in the request, as a dotted path. */
            readonly path: string;
            readonly detail: string;
            /** @default null */
            readonly line?: number | null;
            /** @default null */
            readonly column?: number | null;
        };
        /** @description Why a request was refused (RFC 9457). */
        readonly Problem: {
            /** @default about:blank */
            readonly type?: string;
            readonly title: string;
            readonly status: number;
            /**
             * @description What went wrong, for programs.
             * @enum {string}
             */
            readonly code: "bad_cursor" | "unknown_parameter" | "unauthenticated" | "forbidden" | "wrong_host" | "role_needed" | "quota_reached" | "not_renewable" | "not_found" | "method_not_allowed" | "body_too_slow" | "conflict" | "not_empty" | "key_in_use" | "key_done" | "key_reused" | "edit_conflict" | "stale" | "too_big" | "unsupported_body" | "invalid" | "invalid_edit" | "invalid_file" | "unknown_entry" | "pipeline_too_large" | "too_many_requests" | "failed" | "overloaded" | "draining" | "store_unavailable" | "not_stored_yet";
            readonly detail: string;
            /**
             * @description With 422: what is wrong where.
             * @default null
             */
            readonly errors?: readonly components["schemas"]["ProblemError"][] | null;
            /**
             * @description With 403: roles that may do this.
             * @default null
             */
            readonly roles?: readonly string[] | null;
            /**
             * @description With 412: the state to look at.
             * @default null
             */
            readonly current?: unknown;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    readonly get_me: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    readonly patch_me: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["MePatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    readonly list_my_invitations: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_MyInvitation_"];
                };
            };
        };
    };
    readonly accept_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly invitation_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Team"];
                };
            };
        };
    };
    readonly decline_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly invitation_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly renew_session: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    readonly list_organizations: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Organization_"];
                };
            };
        };
    };
    readonly create_organization: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewOrganization"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Organization"];
                };
            };
        };
    };
    readonly get_organization: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly organization_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Organization"];
                };
            };
        };
    };
    readonly patch_organization: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly organization_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["OrganizationPatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Organization"];
                };
            };
        };
    };
    readonly list_teams: {
        readonly parameters: {
            readonly query?: {
                /** @description Of this organization only. */
                readonly organization?: string;
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Team_"];
                };
            };
        };
    };
    readonly create_team: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewTeam"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Team"];
                };
            };
        };
    };
    readonly get_team_overview: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["TeamOverview"];
                };
            };
        };
    };
    readonly get_team: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Team"];
                };
            };
        };
    };
    readonly delete_team: {
        readonly parameters: {
            readonly query?: {
                /** @description Also if it has pipelines. */
                readonly force?: boolean;
            };
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly patch_team: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["TeamPatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Team"];
                };
            };
        };
    };
    readonly list_members: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Member_"];
                };
            };
        };
    };
    readonly add_member: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["Invited"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Member"] | components["schemas"]["Invitation"];
                };
            };
            /** @description They are invited, and get in when they accept. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Invitation"];
                };
            };
        };
    };
    readonly get_member: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
                readonly user_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Member"];
                };
            };
        };
    };
    readonly remove_member: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
                readonly user_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly change_role: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
                readonly user_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["MemberPatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Member"];
                };
            };
        };
    };
    readonly list_deleted_teams: {
        readonly parameters: {
            readonly query?: {
                readonly organization?: string;
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_DeletedTeam_"];
                };
            };
        };
    };
    readonly restore_team: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Team"];
                };
            };
        };
    };
    readonly list_audit_log_of_team: {
        readonly parameters: {
            readonly query?: {
                /** @description Of this kind only. */
                readonly action?: "comment.deleted" | "invitation.created" | "invitation.withdrawn" | "member.added" | "member.removed" | "member.role_changed" | "organization.changed" | "organization.created" | "organization.deleted" | "pipeline.created" | "pipeline.deleted" | "pipeline.moved" | "pipeline.purged" | "pipeline.restored" | "team.changed" | "team.created" | "team.deleted" | "team.purged" | "team.restored" | "template.changed" | "template.created" | "template.deleted";
                /** @description Not older than this. */
                readonly since?: string;
                /** @description By this user only. */
                readonly actor?: string;
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_AuditEntry_"];
                };
            };
        };
    };
    readonly list_audit_log_of_organization: {
        readonly parameters: {
            readonly query?: {
                /** @description Of this kind only. */
                readonly action?: "comment.deleted" | "invitation.created" | "invitation.withdrawn" | "member.added" | "member.removed" | "member.role_changed" | "organization.changed" | "organization.created" | "organization.deleted" | "pipeline.created" | "pipeline.deleted" | "pipeline.moved" | "pipeline.purged" | "pipeline.restored" | "team.changed" | "team.created" | "team.deleted" | "team.purged" | "team.restored" | "template.changed" | "template.created" | "template.deleted";
                /** @description Not older than this. */
                readonly since?: string;
                /** @description By this user only. */
                readonly actor?: string;
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly organization_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_AuditEntry_"];
                };
            };
        };
    };
    readonly list_invitations: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Invitation_"];
                };
            };
        };
    };
    readonly create_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["Invited"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Invitation"];
                };
            };
        };
    };
    readonly get_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
                readonly invitation_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Invitation"];
                };
            };
        };
    };
    readonly withdraw_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
                readonly invitation_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly list_invitation_links: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_InvitationLink_"];
                };
            };
        };
    };
    readonly create_invitation_link: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["LinkWanted"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["NewInvitationLink"];
                };
            };
        };
    };
    readonly get_invitation_link: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
                readonly link_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["InvitationLink"];
                };
            };
        };
    };
    readonly revoke_invitation_link: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly team_id: string;
                readonly link_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly get_invitation_link_offer: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Offer"];
                };
            };
        };
    };
    readonly accept_invitation_link: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["LinkGiven"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Team"];
                };
            };
        };
    };
    readonly join_by_link: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["Newcomer"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Joined"];
                };
            };
        };
    };
    readonly list_pipelines: {
        readonly parameters: {
            readonly query?: {
                readonly team?: string;
                /** @description Any of these. */
                readonly status?: readonly ("draft" | "active" | "archived")[];
                /** @description All of these. */
                readonly tag?: readonly string[];
                /** @description Only templates, or none. */
                readonly template?: boolean;
                /** @description Any of these. */
                readonly id?: readonly string[];
                /** @description Only where somebody is. */
                readonly present?: boolean;
                /** @description With all these words; the last may be only begun. */
                readonly q?: string;
                /** @description The newest, the last edited, A, or what fits `q` best first; `rank` if there is a `q`, else `created`. */
                readonly sort?: "created" | "updated" | "name" | "rank";
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_ListedPipeline_"];
                };
            };
        };
    };
    readonly create_pipeline: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewPipeline"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Created"];
                };
            };
        };
    };
    readonly get_pipeline: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pipeline"];
                };
            };
        };
    };
    readonly delete_pipeline: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly patch_pipeline: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["PipelinePatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pipeline"];
                };
            };
        };
    };
    readonly list_deleted_pipelines: {
        readonly parameters: {
            readonly query?: {
                readonly team?: string;
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_DeletedPipeline_"];
                };
            };
        };
    };
    readonly restore_pipeline: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pipeline"];
                };
            };
        };
    };
    readonly fork_pipeline: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": components["schemas"]["Fork"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pipeline"];
                };
            };
        };
    };
    readonly list_steps: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Step_"];
                };
            };
        };
    };
    readonly create_step: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewStep"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Step"];
                };
            };
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Step"];
                };
            };
        };
    };
    readonly get_step: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly step_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Step"];
                };
            };
        };
    };
    readonly delete_step: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly step_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly patch_step: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly step_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["StepPatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Step"];
                };
            };
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Step"];
                };
            };
        };
    };
    readonly list_connections: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Connection_"];
                };
            };
        };
    };
    readonly create_connection: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewConnection"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Connection"];
                };
            };
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Connection"];
                };
            };
        };
    };
    readonly get_connection: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly connection_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Connection"];
                };
            };
        };
    };
    readonly delete_connection: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly connection_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly patch_connection: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly connection_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ConnectionPatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Connection"];
                };
            };
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Connection"];
                };
            };
        };
    };
    readonly list_diagnostics: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Diagnostic_"];
                };
            };
        };
    };
    readonly list_comments: {
        readonly parameters: {
            readonly query?: {
                /** @description About this step. */
                readonly step?: string;
                /** @description This root and its replies. */
                readonly thread?: string;
                /** @description Of threads resolved or not. */
                readonly resolved?: boolean;
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Comment_"];
                };
            };
        };
    };
    readonly create_comment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewComment"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Comment"];
                };
            };
        };
    };
    readonly get_comment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly comment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Comment"];
                };
            };
        };
    };
    readonly delete_comment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
                readonly comment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly patch_comment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly comment_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["CommentPatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Comment"];
                };
            };
        };
    };
    readonly create_event_ticket: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["TicketShown"];
                };
            };
        };
    };
    readonly listen: {
        readonly parameters: {
            readonly query?: {
                /** @description In place of a token; good once. */
                readonly ticket?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Events until the stream ends. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/event-stream": string;
                };
            };
        };
    };
    readonly get_presence: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Presence"];
                };
            };
        };
    };
    readonly get_yaml: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/yaml": string;
                    readonly "text/yaml": string;
                };
            };
        };
    };
    readonly put_yaml: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/yaml": string;
                readonly "text/yaml": string;
                readonly "application/octet-stream": string;
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Validation"];
                };
            };
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Validation"];
                };
            };
        };
    };
    readonly list_versions: {
        readonly parameters: {
            readonly query?: {
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_ListedVersion_"];
                };
            };
        };
    };
    readonly create_version: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewVersion"];
            };
        };
        readonly responses: {
            /** @description The newest version holds this state already. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Version"];
                };
            };
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Version"];
                };
            };
        };
    };
    readonly diff_versions: {
        readonly parameters: {
            readonly query: {
                /** @description A version's number. */
                readonly from: number;
                /** @description Another's; else: as it is now. */
                readonly to?: number;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Difference"];
                };
            };
        };
    };
    readonly get_version: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
                readonly number: number;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["WholeVersion"];
                };
            };
        };
    };
    readonly get_version_yaml: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
                readonly number: number;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/yaml": string;
                    readonly "text/yaml": string;
                };
            };
        };
    };
    readonly restore_version: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly pipeline_id: string;
                readonly number: number;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": components["schemas"]["Restoration"] | null;
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Restored"];
                };
            };
            /** @description Done, but the tables do not show it yet: lists may lag behind for a while. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Restored"];
                };
            };
        };
    };
    readonly list_history: {
        readonly parameters: {
            readonly query?: {
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_Edits_"];
                };
            };
        };
    };
    readonly get_changes: {
        readonly parameters: {
            readonly query: {
                readonly first_seq: number;
                readonly last_seq: number;
                /** @description Whose edits; else those of people who are deleted. */
                readonly user_id?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly pipeline_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Edited"];
                };
            };
        };
    };
    readonly list_templates: {
        readonly parameters: {
            readonly query?: {
                readonly team?: string;
                readonly category?: string;
                /** @description Items per page. */
                readonly limit?: number;
                /** @description The `next_cursor` of the page before. */
                readonly cursor?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Page_TemplateSummary_"];
                };
            };
        };
    };
    readonly create_template: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewTemplate"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Template"];
                };
            };
        };
    };
    readonly get_template: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly template_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Template"];
                };
            };
        };
    };
    readonly delete_template: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly template_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly patch_template: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Edit only this state: the ETag of an earlier answer. */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly template_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["TemplatePatch"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Template"];
                };
            };
        };
    };
    readonly instantiate_template: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Repeat a request with its key, and it does nothing twice. */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                readonly template_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["Instance"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pipeline"];
                };
            };
        };
    };
    readonly validate: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/yaml": string;
                readonly "text/yaml": string;
                readonly "application/octet-stream": string;
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Validation"];
                };
            };
        };
    };
    readonly list_step_types: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["StepTypes"];
                };
            };
        };
    };
    readonly get_step_type: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description Answer 304 while this is the state. */
                readonly "if-none-match"?: string;
            };
            readonly path: {
                readonly step_type: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["StepTypeShown"];
                };
            };
        };
    };
}

/** The names of the events of a pipeline. */
export const EVENT_KINDS = ["comment.created", "comment.updated", "comment.resolved", "comment.deleted", "version.created", "diagnostics.changed", "pipeline.deleted"] as const;
