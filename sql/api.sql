-- me --
-- The user's own row.
SELECT id, email, name, avatar_url, preferences, created_at, updated_at FROM my_user

-- lock_me --
-- The user's own row, locked until the end of the transaction.
SELECT id, email, name, avatar_url, preferences, created_at, updated_at FROM my_user FOR UPDATE

-- write_me --
-- Write those columns of their own row that users may change.
UPDATE my_user SET name = $1, avatar_url = $2, preferences = $3
RETURNING id, email, name, avatar_url, preferences, created_at, updated_at

-- my_role_in_organization --
-- The strongest role that the user has in a team of an organization; no row if there is none.
SELECT m.role
FROM team_members AS m
JOIN teams AS t ON t.id = m.team_id
WHERE t.organization_id = $1 AND m.user_id = current_user_id()
ORDER BY array_position('{owner,admin,member,viewer}', m.role)
LIMIT 1

-- my_role_in_team --
-- The user's role in a team; no row for an outsider.
SELECT role FROM team_members WHERE team_id = $1 AND user_id = current_user_id()

-- my_role_at_pipeline --
-- The user's role in the team of a pipeline; no row for an outsider.
SELECT m.role
FROM pipelines AS p
JOIN team_members AS m ON m.team_id = p.team_id AND m.user_id = current_user_id()
WHERE p.id = $1

-- organizations --
-- The user's organizations, newest first, at most $3; after the one created at $1 with id $2, or
-- from the first if these are NULL.
SELECT id, name, slug, settings, created_at
FROM organizations
WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2::uuid)
ORDER BY created_at DESC, id DESC
LIMIT $3

-- organization --
-- One organization.
SELECT id, name, slug, settings, created_at FROM organizations WHERE id = $1

-- lock_organization --
-- One organization, locked until the end of the transaction.
SELECT id, name, slug, settings, created_at FROM organizations WHERE id = $1 FOR NO KEY UPDATE

-- new_organization --
-- Create an organization and its first team, of which the user becomes the owner.
SELECT create_organization($1, $2, $3, $4)

-- count_organizations_per_user --
-- In how many organizations the user owns a team, or did until it was deleted, at most $1.
SELECT count(*) FROM (
    SELECT DISTINCT t.organization_id
    FROM team_members AS m
    INNER JOIN teams AS t ON t.id = m.team_id
    WHERE m.user_id = current_user_id() AND m.role = 'owner'
    UNION
    SELECT d.organization_id FROM deleted_teams AS d WHERE d.role = 'owner'
    LIMIT $1
) AS counted

-- count_teams_per_organization --
-- How many teams of an organization the user is in, with those that are kept after their deletion, at
-- most $2.
SELECT count(*) FROM (
    SELECT FROM teams WHERE organization_id = $1
    UNION ALL
    SELECT FROM deleted_teams WHERE organization_id = $1
    LIMIT $2
) AS counted

-- count_pipelines_per_team --
-- How many pipelines a team has, with those that are kept after their deletion, at most $2.
SELECT count(*) FROM (
    SELECT FROM pipelines WHERE team_id = $1
    UNION ALL
    SELECT FROM deleted_pipelines WHERE team_id = $1
    LIMIT $2
) AS counted

-- count_versions_per_pipeline --
-- How many versions people have saved of a pipeline, at most $2.
SELECT count(*) FROM (
    SELECT FROM pipeline_versions WHERE pipeline_id = $1 AND name IS NOT NULL LIMIT $2
) AS counted

-- count_templates_per_team --
-- How many templates a team has, at most $2.
SELECT count(*) FROM (SELECT FROM pipeline_templates WHERE team_id = $1 LIMIT $2) AS counted

-- count_comments_per_pipeline --
-- How many comments a pipeline has, at most $2.
SELECT count(*) FROM (SELECT FROM comments WHERE pipeline_id = $1 LIMIT $2) AS counted

-- count_bytes_per_team --
-- How many bytes the pipelines of a team store, at most $2.
SELECT least(b.log + b.states + b.versions + b.comments, $2::bigint) FROM my_team_bytes($1) AS b

-- count_bytes_beside_pipeline --
-- How many bytes the pipelines of the team of pipeline $1 store, at most $2.
SELECT least(b.log + b.states + b.versions + b.comments, $2::bigint)
FROM pipelines AS p, my_team_bytes(p.team_id) AS b
WHERE p.id = $1

-- team_bytes --
-- How many bytes of what a team stores.
SELECT log, states, versions, comments FROM my_team_bytes($1)

-- write_organization --
-- Write those columns of an organization that may be changed.
UPDATE organizations SET name = $2, slug = $3, settings = $4
WHERE id = $1
RETURNING id, name, slug, settings, created_at

-- teams --
-- The user's teams after a place in the list, newest first; of one organization unless NULL.
SELECT t.id, t.organization_id, t.name, t.slug, t.settings, t.created_at, m.role
FROM teams AS t
JOIN team_members AS m ON m.team_id = t.id AND m.user_id = current_user_id()
WHERE ($1::uuid IS NULL OR t.organization_id = $1)
    AND ($2::timestamptz IS NULL OR (t.created_at, t.id) < ($2, $3::uuid))
ORDER BY t.created_at DESC, t.id DESC
LIMIT $4

-- team --
-- One of the user's teams.
SELECT t.id, t.organization_id, t.name, t.slug, t.settings, t.created_at, m.role
FROM teams AS t
JOIN team_members AS m ON m.team_id = t.id AND m.user_id = current_user_id()
WHERE t.id = $1

-- team_overview --
-- How many of each there are in a team, for the headings of lists.
SELECT
    count(*) FILTER (WHERE p.status = 'draft') AS draft,
    count(*) FILTER (WHERE p.status = 'active') AS active,
    count(*) FILTER (WHERE p.status = 'archived') AS archived,
    (SELECT count(*) FROM pipeline_templates AS t WHERE t.team_id = $1) AS templates,
    (SELECT count(*) FROM deleted_pipelines AS d WHERE d.team_id = $1) AS deleted
FROM pipelines AS p
WHERE p.team_id = $1

-- team_tags --
-- The tags of a team's pipelines, the most frequent first, at most $2 of them; without those that are
-- longer than $3, which no filter takes.
SELECT tag, count(*) AS count
FROM pipelines AS p, unnest(p.tags) AS tag
WHERE p.team_id = $1 AND length(tag) <= $3
GROUP BY tag
ORDER BY count(*) DESC, tag
LIMIT $2

-- lock_team --
-- One of the user's teams, locked until the end of the transaction.
SELECT t.id, t.organization_id, t.name, t.slug, t.settings, t.created_at, m.role
FROM teams AS t
JOIN team_members AS m ON m.team_id = t.id AND m.user_id = current_user_id()
WHERE t.id = $1
FOR NO KEY UPDATE OF t

-- new_team --
-- Create a team, of which the user becomes the owner.
SELECT create_team($1, $2, $3)

-- write_team --
-- Write those columns of a team that may be changed.
UPDATE teams AS t SET name = $2, slug = $3, settings = $4
FROM team_members AS m
WHERE t.id = $1 AND m.team_id = t.id AND m.user_id = current_user_id()
RETURNING t.id, t.organization_id, t.name, t.slug, t.settings, t.created_at, m.role

-- count_pipelines_of_team --
-- How many pipelines a team has, with those that were deleted and are kept.
SELECT (SELECT count(*) FROM pipelines WHERE team_id = $1)
    + (SELECT count(*) FROM deleted_pipelines WHERE team_id = $1)

-- remove_team --
-- Delete a team: it is kept, hidden with everything in it, until it is purged.
SELECT delete_team($1)

-- bring_back_team --
-- Restore a deleted team.
SELECT restore_team($1)

-- deleted_teams --
-- The deleted teams in which the user is after a place in the list, the last deleted first; of one
-- organization unless NULL.
SELECT
    id, organization_id, organization_name, name, slug, role, pipelines, deleted_at, deleter_id,
    deleter_name, deleter_avatar_url
FROM deleted_teams
WHERE ($1::uuid IS NULL OR organization_id = $1)
    AND ($2::timestamptz IS NULL OR (deleted_at, id) < ($2, $3::uuid))
ORDER BY deleted_at DESC, id DESC
LIMIT $4

-- my_role_in_deleted_team --
-- The user's role in a deleted team; no row for an outsider.
SELECT role FROM deleted_teams WHERE id = $1

-- members --
-- The members of a team after a place in the list, in the order in which they joined.
SELECT m.user_id AS id, u.name, u.email, u.avatar_url, m.role, m.joined_at
FROM team_members AS m
JOIN users AS u ON u.id = m.user_id
WHERE m.team_id = $1
    AND ($2::timestamptz IS NULL OR (m.joined_at, m.user_id) > ($2, $3::uuid))
ORDER BY m.joined_at, m.user_id
LIMIT $4

-- member --
-- One member of a team.
SELECT m.user_id AS id, u.name, u.email, u.avatar_url, m.role, m.joined_at
FROM team_members AS m
JOIN users AS u ON u.id = m.user_id
WHERE m.team_id = $1 AND m.user_id = $2

-- new_member --
-- Give a user a role in a team.
INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, $3)

-- write_member --
-- Change a member's role.
UPDATE team_members SET (role) = ROW ($3) WHERE team_id = $1 AND user_id = $2

-- drop_member --
-- Remove a user from a team.
DELETE FROM team_members WHERE team_id = $1 AND user_id = $2 RETURNING user_id

-- colleague --
-- The id of user $2, or of whoever has the address $3, if that is somebody in a team that the caller
-- owns, of the organization of team $1. It begins with those whom the caller sees, so it takes as long
-- whether or not there is such a user elsewhere.
SELECT u.id
FROM teams AS here
JOIN teams AS there ON there.organization_id = here.organization_id
JOIN team_members AS mine
    ON mine.team_id = there.id AND mine.user_id = current_user_id() AND mine.role = 'owner'
JOIN team_members AS m ON m.team_id = there.id
JOIN users AS u ON u.id = m.user_id
WHERE here.id = $1 AND (u.id = $2 OR lower(u.email) = lower($3))
LIMIT 1

-- is_member --
-- Whether user $2, or whoever has the address $3, is in a team of the user's.
SELECT EXISTS (
    SELECT FROM team_members AS m
    JOIN users AS u ON u.id = m.user_id
    WHERE m.team_id = $1 AND (u.id = $2 OR lower(u.email) = lower($3))
)

-- count_invitations_per_team --
-- How many open invitations and good links a team has, at most $2.
SELECT count(*) FROM (
    SELECT FROM invitations
    WHERE team_id = $1 AND state = 'open' AND expires_at > now()
    UNION ALL
    SELECT FROM invitation_links
    WHERE team_id = $1 AND revoked_at IS NULL AND expires_at > now()
    LIMIT $2
) AS counted

-- invitations_of_last_hour --
-- How many invitations the user has given or renewed within an hour, and in how many seconds that will
-- be one less.
SELECT i.given, extract(epoch FROM i.first + interval '1 hour' - now()) AS wait
FROM my_invitations_of_last_hour() AS i

-- invitations --
-- The open invitations of a team after a place in the list, newest first, with who invited.
SELECT
    i.id, i.email, i.user_id, i.role, i.created_at, i.expires_at, i.invited_by AS inviter_id,
    u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitations AS i
JOIN users AS u ON u.id = i.invited_by
WHERE i.team_id = $1 AND i.state = 'open' AND i.expires_at > now()
    AND ($2::timestamptz IS NULL OR (i.created_at, i.id) < ($2, $3::uuid))
ORDER BY i.created_at DESC, i.id DESC
LIMIT $4

-- invitation --
-- One open invitation of a team.
SELECT
    i.id, i.email, i.user_id, i.role, i.created_at, i.expires_at, i.invited_by AS inviter_id,
    u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitations AS i
JOIN users AS u ON u.id = i.invited_by
WHERE i.team_id = $1 AND i.id = $2 AND i.state = 'open' AND i.expires_at > now()

-- new_invitation --
-- Invite to team $1 the address $2 or the user $3, in role $4, for $5 seconds; see the function in
-- schema.sql.
SELECT invite($1, $2, $3, $4, make_interval(secs => $5))

-- drop_invitation --
-- Withdraw an invitation.
SELECT withdraw_invitation($1)

-- my_invitations --
-- What the user is invited to, after a place in the list, newest first.
SELECT
    id, team_id, team_name, organization_name, role, created_at, expires_at, inviter_id, inviter_name,
    inviter_avatar_url
FROM my_invitations
WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2::uuid)
ORDER BY created_at DESC, id DESC
LIMIT $3

-- accept_invitation --
-- Become a member of the team that one is invited to; see the function in schema.sql.
SELECT accept_invitation($1)

-- decline_invitation --
-- Decline an invitation.
SELECT decline_invitation($1)

-- invitation_links --
-- The links to a team that are good, after a place in the list, newest first, with who made them.
SELECT
    l.id, l.role, l.created_at, l.expires_at, l.max_uses, l.uses, l.invited_by AS inviter_id,
    u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitation_links AS l
JOIN users AS u ON u.id = l.invited_by
WHERE l.team_id = $1 AND l.revoked_at IS NULL AND l.expires_at > now() AND l.uses < l.max_uses
    AND ($2::timestamptz IS NULL OR (l.created_at, l.id) < ($2, $3::uuid))
ORDER BY l.created_at DESC, l.id DESC
LIMIT $4

-- invitation_link --
-- One good link to a team.
SELECT
    l.id, l.role, l.created_at, l.expires_at, l.max_uses, l.uses, l.invited_by AS inviter_id,
    u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitation_links AS l
JOIN users AS u ON u.id = l.invited_by
WHERE l.team_id = $1 AND l.id = $2 AND l.revoked_at IS NULL AND l.expires_at > now()
    AND l.uses < l.max_uses

-- new_invitation_link --
-- Make a link to team $1 whose secret has the digest $2, in role $3, good for $4 seconds and $5 uses; see
-- the function in schema.sql.
SELECT create_invitation_link($1, $2, $3, make_interval(secs => $4), $5)

-- drop_invitation_link --
-- Revoke a link.
SELECT revoke_invitation_link($1)

-- accept_invitation_link --
-- Become a member by the link with the digest $1; see the function in schema.sql.
SELECT accept_invitation_link($1)

-- pipelines --
-- The pipelines of the user's teams after a place in the list; a NULL filter lets everything through.
-- They are sorted by $7: by 'name', or by when they were 'created' or 'updated', the last one first.
-- With each come its outline, and the users who are there, at most $13 of them: their presence was
-- renewed within the last $12 seconds. With $6 come only those where somebody is.
SELECT
    p.id, p.team_id, p.created_by, p.parent_pipeline_id, p.name, p.description, p.status, p.tags,
    p.yaml_version, p.is_template, p.created_at, p.updated_at, p.published_at,
    left(lower(p.name), 50) AS sort_name,
    pipeline_outline(p.id) AS outline,
    ARRAY(
        SELECT jsonb_build_object('id', u.id, 'name', u.name, 'avatar_url', u.avatar_url)
        FROM presence AS r
        JOIN users AS u ON u.id = r.user_id
        WHERE r.pipeline_id = p.id AND r.last_seen >= now() - make_interval(secs => $12)
        ORDER BY u.name, u.id
        LIMIT $13
    ) AS present
FROM pipelines AS p
WHERE ($1::uuid IS NULL OR p.team_id = $1)
    AND ($2::text[] IS NULL OR p.status = ANY ($2))
    AND ($3::text[] IS NULL OR tag_keys(p.tags) @> tag_keys($3) AND p.tags @> $3)
    AND ($4::boolean IS NULL OR p.is_template = $4)
    AND ($5::uuid[] IS NULL OR p.id = ANY ($5))
    AND (
        NOT $6::boolean
        OR p.id IN (
            SELECT r.pipeline_id FROM presence AS r
            WHERE r.last_seen >= now() - make_interval(secs => $12)
        )
    )
    AND (
        $10::uuid IS NULL
        OR CASE $7
            WHEN 'name' THEN (left(lower(p.name), 50), p.id) > ($9::text, $10)
            WHEN 'updated' THEN (p.updated_at, p.id) < ($8::timestamptz, $10)
            ELSE (p.created_at, p.id) < ($8, $10)
        END
    )
ORDER BY
    CASE $7 WHEN 'name' THEN left(lower(p.name), 50) END,
    CASE $7 WHEN 'name' THEN p.id END,
    CASE $7 WHEN 'updated' THEN p.updated_at WHEN 'created' THEN p.created_at END DESC,
    p.id DESC
LIMIT $11

-- pipeline --
-- One pipeline with its settings.
SELECT
    id, team_id, created_by, parent_pipeline_id, name, description, status, tags, yaml_version,
    is_template, created_at, updated_at, published_at, config, defaults, authentication
FROM pipelines
WHERE id = $1

-- remove_pipeline --
-- Delete a pipeline: it is kept, hidden with everything in it, until it is purged.
SELECT delete_pipeline($1)

-- bring_back_pipeline --
-- Restore a deleted pipeline.
SELECT restore_pipeline($1)

-- deleted_pipelines --
-- The deleted pipelines of the user's teams after a place in the list, the last deleted first; of one
-- team unless NULL.
SELECT
    d.id, d.team_id, d.created_by, d.name, d.description, d.deleted_at,
    u.id AS deleter_id, u.name AS deleter_name, u.avatar_url AS deleter_avatar_url
FROM deleted_pipelines AS d
LEFT JOIN users AS u ON u.id = d.deleted_by
WHERE ($1::uuid IS NULL OR d.team_id = $1)
    AND ($2::timestamptz IS NULL OR (d.deleted_at, d.id) < ($2, $3::uuid))
ORDER BY d.deleted_at DESC, d.id DESC
LIMIT $4

-- deleted_pipeline --
-- One deleted pipeline, and the user's role in its team.
SELECT d.id, d.created_by, m.role
FROM deleted_pipelines AS d
JOIN team_members AS m ON m.team_id = d.team_id AND m.user_id = current_user_id()
WHERE d.id = $1

-- projected_seq --
-- The number of the last update that the rows of a pipeline contain.
SELECT seq FROM projection_cursors WHERE pipeline_id = $1

-- steps_of_pipeline --
-- The steps of a pipeline after a place in the list, by id.
SELECT {columns of steps}, created_at, updated_at
FROM steps
WHERE pipeline_id = $1 AND ($2::uuid IS NULL OR id > $2)
ORDER BY id
LIMIT $3

-- step_of_pipeline --
-- One step.
SELECT {columns of steps}, created_at, updated_at
FROM steps
WHERE pipeline_id = $1 AND id = $2

-- connections_of_pipeline --
-- The connections of a pipeline after a place in the list, by id.
SELECT {columns of connections}, created_at, updated_at
FROM connections
WHERE pipeline_id = $1 AND ($2::uuid IS NULL OR id > $2)
ORDER BY id
LIMIT $3

-- connection_of_pipeline --
-- One connection.
SELECT {columns of connections}, created_at, updated_at
FROM connections
WHERE pipeline_id = $1 AND id = $2

-- diagnostics_of_pipeline --
-- The diagnostics of a pipeline after a place in the list.
SELECT code, subject, severity, message, path, suggestion
FROM pipeline_diagnostics
WHERE pipeline_id = $1 AND ($2::text IS NULL OR (code, subject) > ($2, $3::text))
ORDER BY code, subject
LIMIT $4

-- comments --
-- The comments of a pipeline after a place in the list, oldest first: of a step, of a thread (its
-- root and the replies), resolved or not; a NULL filter lets everything through.
SELECT
    c.id, c.pipeline_id, c.step_id, c.parent_id, c.content, c.resolved, c.created_at, c.updated_at,
    u.id AS author_id, u.name AS author_name, u.avatar_url AS author_avatar_url, c.resolved_by,
    c.step_id IS NOT NULL AND s.id IS NULL AS detached
FROM comments AS c
LEFT JOIN comments AS root ON root.pipeline_id = c.pipeline_id AND root.id = c.parent_id
LEFT JOIN users AS u ON u.id = c.user_id
LEFT JOIN steps AS s ON s.pipeline_id = c.pipeline_id AND s.id = c.step_id
WHERE c.pipeline_id = $1
    AND ($2::uuid IS NULL OR c.step_id = $2)
    AND ($3::uuid IS NULL OR $3 IN (c.id, c.parent_id))
    AND ($4::boolean IS NULL OR coalesce(root.resolved, c.resolved) = $4)
    AND ($5::timestamptz IS NULL OR (c.created_at, c.id) > ($5, $6::uuid))
ORDER BY c.created_at, c.id
LIMIT $7

-- comment --
-- One comment.
SELECT
    c.id, c.pipeline_id, c.step_id, c.parent_id, c.content, c.resolved, c.created_at, c.updated_at,
    u.id AS author_id, u.name AS author_name, u.avatar_url AS author_avatar_url, c.resolved_by,
    c.step_id IS NOT NULL AND s.id IS NULL AS detached
FROM comments AS c
LEFT JOIN users AS u ON u.id = c.user_id
LEFT JOIN steps AS s ON s.pipeline_id = c.pipeline_id AND s.id = c.step_id
WHERE c.pipeline_id = $1 AND c.id = $2

-- lock_comment --
-- Those columns of a comment that may be changed, locked until the end of the transaction.
SELECT id, user_id, parent_id, content, resolved
FROM comments
WHERE pipeline_id = $1 AND id = $2
FOR NO KEY UPDATE

-- new_comment --
-- Add a comment on a pipeline, on a step of it, or in a thread.
INSERT INTO comments (id, pipeline_id, step_id, parent_id, user_id, content)
VALUES ($1, $2, $3, $4, current_user_id(), $5)

-- write_comment --
-- Write those columns of a comment that may be changed.
UPDATE comments SET content = $3, resolved = $4 WHERE pipeline_id = $1 AND id = $2

-- remove_comment --
-- Delete a comment. The replies are deleted with the root of a thread.
DELETE FROM comments WHERE pipeline_id = $1 AND id = $2 RETURNING id

-- templates --
-- The templates of the user's teams after a place in the list, newest first; a NULL filter lets
-- everything through.
SELECT
    id, team_id, created_by, source_pipeline_id, name, description, category, icon,
    default_values, usage_count, created_at, updated_at
FROM pipeline_templates
WHERE ($1::uuid IS NULL OR team_id = $1)
    AND ($2::text IS NULL OR category = $2)
    AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
ORDER BY created_at DESC, id DESC
LIMIT $5

-- template --
-- One template.
SELECT
    id, team_id, created_by, source_pipeline_id, name, description, category, icon, pipeline_config,
    default_values, usage_count, created_at, updated_at
FROM pipeline_templates
WHERE id = $1

-- lock_template --
-- One template, locked until the end of the transaction.
SELECT
    id, team_id, created_by, source_pipeline_id, name, description, category, icon, pipeline_config,
    default_values, usage_count, created_at, updated_at
FROM pipeline_templates
WHERE id = $1
FOR NO KEY UPDATE

-- new_template --
-- Save a pipeline as a template.
INSERT INTO pipeline_templates (
    id, team_id, created_by, source_pipeline_id, name, description, category, icon, pipeline_config,
    default_values
)
VALUES ($1, $2, current_user_id(), $3, $4, $5, $6, $7, $8, $9)

-- write_template --
-- Write those columns of a template that may be changed.
UPDATE pipeline_templates
SET name = $2, description = $3, category = $4, icon = $5, default_values = $6
WHERE id = $1
RETURNING
    id, team_id, created_by, source_pipeline_id, name, description, category, icon, pipeline_config,
    default_values, usage_count, created_at, updated_at

-- remove_template --
-- Delete a template.
DELETE FROM pipeline_templates WHERE id = $1 RETURNING id

-- use_template --
-- Count one use of a template.
SELECT count_template_use($1)

-- people --
-- Users by their ids; those whom the user may not see are left out.
SELECT id, name, avatar_url FROM users WHERE id = ANY ($1)

-- versions_of_pipeline --
-- The versions of a pipeline after a place in the list, newest first; without an author whom the
-- user may not see.
SELECT
    id, version_number, seq, name, change_summary, created_by, created_at,
    (
        SELECT jsonb_build_object('id', u.id, 'name', u.name, 'avatar_url', u.avatar_url)
        FROM users AS u
        WHERE u.id = created_by
    ) AS author
FROM pipeline_versions
WHERE pipeline_id = $1 AND ($2::bigint IS NULL OR version_number < $2)
ORDER BY version_number DESC
LIMIT $3

-- version_of_pipeline --
-- One version with its content as rows, which are texts: they are passed on as they are.
SELECT
    id, version_number, seq, name, change_summary, created_by, created_at,
    pipeline_snapshot::text AS pipeline, steps_snapshot::text AS steps,
    connections_snapshot::text AS connections
FROM pipeline_versions
WHERE pipeline_id = $1 AND version_number = $2

-- pipelines_found --
-- One page of the pipelines that a search for $14 finds; the other parameters are those of
-- `pipelines`. By 'rank' the best come first: one that is called so, whose name begins so, with the
-- words in its name, in the beginning of its description or its tags, elsewhere; then by name.
WITH sought AS MATERIALIZED (SELECT words_sought(left($14, 500)) AS query)
SELECT
    p.id, p.team_id, p.created_by, p.parent_pipeline_id, p.name, p.description, p.status, p.tags,
    p.yaml_version, p.is_template, p.created_at, p.updated_at, p.published_at,
    left(lower(p.name), 50) AS sort_name, ranked.key AS sort_rank,
    pipeline_outline(p.id) AS outline,
    ARRAY(
        SELECT jsonb_build_object('id', u.id, 'name', u.name, 'avatar_url', u.avatar_url)
        FROM presence AS r
        JOIN users AS u ON u.id = r.user_id
        WHERE r.pipeline_id = p.id AND r.last_seen >= now() - make_interval(secs => $12)
        ORDER BY u.name, u.id
        LIMIT $13
    ) AS present
FROM pipelines AS p
CROSS JOIN LATERAL (
    SELECT CASE WHEN $7 = 'rank' THEN CASE
        WHEN lower(p.name) = lower(btrim($14)) THEN '0'
        WHEN starts_with(lower(p.name), lower(btrim($14))) THEN '1'
        WHEN to_tsvector('english', left(p.name, 1000)) @@ (SELECT query FROM sought) THEN '2'
        WHEN to_tsvector('english',
            left(coalesce(p.description, ''), 300) || ' ' || left(array_to_string(p.tags, ' '), 300)
        ) @@ (SELECT query FROM sought) THEN '3'
        ELSE '4'
    END || left(lower(p.name), 50) END AS key
) AS ranked
WHERE p.id IN (SELECT search_pipelines($14))
    AND ($1::uuid IS NULL OR p.team_id = $1)
    AND ($2::text[] IS NULL OR p.status = ANY ($2))
    AND ($3::text[] IS NULL OR tag_keys(p.tags) @> tag_keys($3) AND p.tags @> $3)
    AND ($4::boolean IS NULL OR p.is_template = $4)
    AND ($5::uuid[] IS NULL OR p.id = ANY ($5))
    AND (
        NOT $6::boolean
        OR p.id IN (
            SELECT r.pipeline_id FROM presence AS r
            WHERE r.last_seen >= now() - make_interval(secs => $12)
        )
    )
    AND (
        $10::uuid IS NULL
        OR CASE $7
            WHEN 'name' THEN (left(lower(p.name), 50), p.id) > ($9::text, $10)
            WHEN 'rank' THEN (ranked.key, p.id) > ($9, $10)
            WHEN 'updated' THEN (p.updated_at, p.id) < ($8::timestamptz, $10)
            ELSE (p.created_at, p.id) < ($8, $10)
        END
    )
ORDER BY
    CASE $7 WHEN 'name' THEN left(lower(p.name), 50) WHEN 'rank' THEN ranked.key END,
    CASE WHEN $7 IN ('name', 'rank') THEN p.id END,
    CASE $7 WHEN 'updated' THEN p.updated_at WHEN 'created' THEN p.created_at END DESC,
    p.id DESC
LIMIT $11

-- presence_at_pipeline --
-- The users who are shown at a pipeline: their presence was renewed within the last $2 seconds.
SELECT
    u.id, u.name, u.avatar_url, r.cursor_x, r.cursor_y, r.selected_step_ids, r.status
FROM presence AS r
JOIN users AS u ON u.id = r.user_id
WHERE r.pipeline_id = $1 AND r.last_seen >= now() - make_interval(secs => $2)
ORDER BY u.name, u.id

-- audit_log_of_team --
-- The entries of the audit log of a team before a place in the list, newest first; a NULL filter lets
-- everything through.
SELECT
    a.id, a.at, a.organization_id, a.team_id, a.actor_id, a.address, a.action, a.subject_id,
    a.before, a.after, u.id AS user_id, u.name AS user_name, u.avatar_url AS user_avatar_url
FROM audit_log AS a
LEFT JOIN users AS u ON u.id = a.actor_id
WHERE a.team_id = $1
    AND ($2::text IS NULL OR a.action = $2)
    AND ($3::timestamptz IS NULL OR a.at >= $3)
    AND ($4::uuid IS NULL OR a.actor_id = $4)
    AND ($5::bigint IS NULL OR a.id < $5)
ORDER BY a.id DESC
LIMIT $6

-- is_former_organization --
-- Whether an organization has no team any more, and the user owned the last one that was purged.
SELECT $1::uuid = ANY (my_former_organization_ids())

-- audit_log_of_organization --
-- The entries of the audit log of an organization and of all its teams, also of those that are no
-- more; see `audit_log_of_team`.
SELECT
    a.id, a.at, a.organization_id, a.team_id, a.actor_id, a.address, a.action, a.subject_id,
    a.before, a.after, u.id AS user_id, u.name AS user_name, u.avatar_url AS user_avatar_url
FROM audit_log AS a
LEFT JOIN users AS u ON u.id = a.actor_id
WHERE a.organization_id = $1
    AND ($2::text IS NULL OR a.action = $2)
    AND ($3::timestamptz IS NULL OR a.at >= $3)
    AND ($4::uuid IS NULL OR a.actor_id = $4)
    AND ($5::bigint IS NULL OR a.id < $5)
ORDER BY a.id DESC
LIMIT $6
