-- A deleted pipeline is kept for a while, with who deleted it, so that it can be brought back.

ALTER TABLE pipelines
ADD COLUMN deleted_at timestamptz,
ADD COLUMN deleted_by uuid REFERENCES users ON DELETE SET NULL;

CREATE INDEX idx_pipelines_deleted ON pipelines (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX idx_pipelines_deleted_by ON pipelines (deleted_by) WHERE deleted_by IS NOT NULL;

-- What is in a pipeline is hidden with it: the policies of its tables ask this one.
ALTER POLICY pipelines_select ON pipelines
USING (deleted_at IS NULL AND team_id = ANY ((SELECT my_team_ids())::uuid[]));

-- Admins delete any pipeline of the team, members their own; who may delete may also restore.
CREATE FUNCTION may_delete(team uuid, author uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT team = ANY (my_team_ids('admin'))
        OR coalesce(author = current_user_id(), false) AND team = ANY (my_team_ids('member'))
$$;

-- The deleted pipelines of the user's teams, past the policy that hides them.
CREATE VIEW deleted_pipelines WITH (security_barrier = true) AS
SELECT p.id, p.team_id, p.created_by, p.name, p.description, p.deleted_at, p.deleted_by
FROM pipelines AS p
WHERE p.deleted_at IS NOT NULL AND p.team_id = ANY ((SELECT my_team_ids())::uuid[]);

-- NULL if there is no such pipeline, or the user may not delete it.
CREATE FUNCTION delete_pipeline(pipeline uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE pipelines AS p
    SET deleted_at = now(), deleted_by = current_user_id()
    WHERE p.id = pipeline AND p.deleted_at IS NULL AND may_delete(p.team_id, p.created_by)
    RETURNING p.id
$$;

CREATE FUNCTION restore_pipeline(pipeline uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE pipelines AS p
    SET deleted_at = NULL, deleted_by = NULL
    WHERE p.id = pipeline AND p.deleted_at IS NOT NULL AND may_delete(p.team_id, p.created_by)
    RETURNING p.id
$$;

CREATE TRIGGER announce_hidden_pipeline
AFTER UPDATE OF deleted_at ON pipelines
FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION announce_deleted_pipeline();

GRANT SELECT ON deleted_pipelines TO pipeloom_api;
REVOKE ALL ON FUNCTION delete_pipeline, restore_pipeline FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_pipeline, restore_pipeline TO pipeloom_api;
