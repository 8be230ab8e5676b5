-- A deleted team is kept for a while with everything in it, as a deleted pipeline is.

-- `purged_at` is when the worker began to delete it for good: from then on nobody can bring it back.
ALTER TABLE teams
ADD COLUMN deleted_at timestamptz,
ADD COLUMN deleted_by uuid REFERENCES users ON DELETE SET NULL,
ADD COLUMN purged_at timestamptz;

CREATE INDEX idx_teams_deleted ON teams (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX idx_teams_deleted_by ON teams (deleted_by) WHERE deleted_by IS NOT NULL;
CREATE INDEX idx_teams_purged ON teams (purged_at) WHERE purged_at IS NOT NULL;

-- The slug of a deleted team may be taken; then the team cannot come back before one has another slug.
-- The name stays, since messages go by it.
ALTER TABLE teams DROP CONSTRAINT teams_organization_id_slug_key;
CREATE UNIQUE INDEX teams_organization_id_slug_key ON teams (organization_id, slug)
WHERE deleted_at IS NULL;

-- The teams in which the user has at least this role. That those are not among them which were deleted
-- hides everything in these: all policies go by this function.
CREATE OR REPLACE FUNCTION my_team_ids(lowest text DEFAULT 'viewer') RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT coalesce(array_agg(m.team_id), '{}')
    FROM team_members AS m
    JOIN teams AS t ON t.id = m.team_id AND t.deleted_at IS NULL
    WHERE m.user_id = current_user_id()
        AND array_position('{viewer,member,admin,owner}', m.role)
            >= array_position('{viewer,member,admin,owner}', lowest)
$$;

-- The deleted teams in which the user is, past the policies that hide them, with who deleted them.
CREATE VIEW deleted_teams WITH (security_barrier = true) AS
SELECT
    t.id, t.organization_id, o.name AS organization_name, t.name, t.slug, m.role, t.deleted_at,
    u.id AS deleter_id, u.name AS deleter_name, u.avatar_url AS deleter_avatar_url,
    (
        SELECT count(*) FROM pipelines AS p WHERE p.team_id = t.id AND p.deleted_at IS NULL
    ) AS pipelines
FROM teams AS t
JOIN organizations AS o ON o.id = t.organization_id
JOIN team_members AS m ON m.team_id = t.id AND m.user_id = current_user_id()
LEFT JOIN users AS u ON u.id = t.deleted_by
WHERE t.deleted_at IS NOT NULL AND t.purged_at IS NULL;

-- Nobody is invited to a deleted team; the invitations come back with it.
CREATE OR REPLACE VIEW my_invitations WITH (security_barrier = true) AS
SELECT
    i.id, i.team_id, t.name AS team_name, o.name AS organization_name, i.role, i.created_at,
    i.expires_at, u.id AS inviter_id, u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitations AS i
JOIN teams AS t ON t.id = i.team_id AND t.deleted_at IS NULL
JOIN organizations AS o ON o.id = t.organization_id
JOIN users AS u ON u.id = i.invited_by
WHERE i.state = 'open' AND i.expires_at > now() AND i.declined_at IS NULL
    AND (
        i.user_id = (SELECT current_user_id())
        OR i.email = (SELECT lower(me.email) FROM users AS me WHERE me.id = current_user_id())
    )
    AND NOT EXISTS (
        SELECT FROM team_members AS m
        WHERE m.team_id = i.team_id AND m.user_id = current_user_id()
    );

-- NULL if there is no such team, or the user is no owner of it.
CREATE FUNCTION delete_team(team uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE teams AS t
    SET deleted_at = now(), deleted_by = current_user_id()
    WHERE t.id = team AND t.deleted_at IS NULL AND t.id = ANY (my_team_ids('owner'))
    RETURNING t.id
$$;

CREATE FUNCTION restore_team(team uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE teams AS t
    SET deleted_at = NULL, deleted_by = NULL
    WHERE t.id = team AND t.deleted_at IS NOT NULL AND t.purged_at IS NULL
        AND EXISTS (
            SELECT FROM team_members AS m
            WHERE m.team_id = t.id AND m.user_id = current_user_id() AND m.role = 'owner'
        )
    RETURNING t.id
$$;

-- Servers look up the roles of the members, and find that the pipelines are gone.
CREATE FUNCTION announce_hidden_team() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('pipeloom_access', m.user_id::text)
    FROM team_members AS m
    WHERE m.team_id = OLD.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_hidden_team
AFTER UPDATE OF deleted_at ON teams
FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION announce_hidden_team();

-- Pipelines that go with their team and come back with it are named one by one.
CREATE FUNCTION record_pipelines_of_team() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    verb text := CASE WHEN NEW.deleted_at IS NULL THEN 'restored' ELSE 'deleted' END;
BEGIN
    PERFORM record_action(
        NEW.organization_id, NEW.id, 'pipeline.' || verb, p.id,
        to_jsonb(p) || jsonb_build_object('team_deleted_at', OLD.deleted_at),
        to_jsonb(p) || jsonb_build_object('team_deleted_at', NEW.deleted_at)
    )
    FROM pipelines AS p
    WHERE p.team_id = NEW.id AND p.deleted_at IS NULL
    ORDER BY p.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER record_pipelines_of_team
AFTER UPDATE OF deleted_at ON teams
FOR EACH ROW WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))
EXECUTE FUNCTION record_pipelines_of_team();

DROP TRIGGER record_team ON teams;
CREATE TRIGGER record_team
AFTER INSERT OR UPDATE OF organization_id, name, slug, settings, deleted_at ON teams
FOR EACH ROW EXECUTE FUNCTION record_change('team', 'created', 'changed');

GRANT SELECT ON deleted_teams TO pipeloom_api;
REVOKE ALL ON FUNCTION delete_team, restore_team FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_team, restore_team TO pipeloom_api;
