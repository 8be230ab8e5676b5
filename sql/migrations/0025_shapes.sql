-- Each statement that changes rows of a table that shapes are made of notifies the servers, in its
-- transaction: which rows changed, and in which pipelines or teams they are or were.

-- The payload is JSON: `t` is the table, `x` the transaction's id of 32 bits, `i` the ids of the rows, `o`
-- those of their owners (a pipeline or a team), `m` the ids of rows that moved from one who sees them
-- to others. An id takes 39 bytes, and PostgreSQL refuses payloads of 8,000: where there are too many,
-- `i` is missing, then all three; a missing one stands for any.
CREATE FUNCTION notify_shapes(changed text, ids uuid[], owners uuid[], moved uuid[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    places integer := 190 - coalesce(cardinality(owners), 0) - coalesce(cardinality(moved), 0);
BEGIN
    IF ids IS NOT NULL THEN
        PERFORM pg_notify('pipeloom_shapes', json_strip_nulls(json_build_object(
            't', changed,
            'x', pg_current_xact_id()::xid::text,
            'i', CASE WHEN cardinality(ids) <= places THEN ids END,
            'o', CASE WHEN places >= 0 THEN owners END,
            'm', CASE WHEN places >= 0 THEN moved END
        ))::text);
    END IF;
END
$$;

-- Of the rows that a statement inserts or deletes there is one table, `changed`; of those that it updates
-- there is another one, `former`, as they were.
CREATE FUNCTION announce_rows_of_pipelines() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
    owners uuid[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT r.id), array_agg(DISTINCT r.pipeline_id) INTO ids, owners
        FROM (
            SELECT c.id, c.pipeline_id FROM changed AS c
            UNION ALL
            SELECT f.id, f.pipeline_id FROM former AS f
        ) AS r;
    ELSE
        SELECT array_agg(DISTINCT c.id), array_agg(DISTINCT c.pipeline_id) INTO ids, owners
        FROM changed AS c;
    END IF;
    PERFORM notify_shapes(TG_TABLE_NAME, ids, owners, NULL);
    RETURN NULL;
END
$$;

CREATE FUNCTION announce_rows_of_teams() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
    owners uuid[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT r.id), array_agg(DISTINCT r.team_id) INTO ids, owners
        FROM (
            SELECT c.id, c.team_id FROM changed AS c
            UNION ALL
            SELECT f.id, f.team_id FROM former AS f
        ) AS r;
    ELSE
        SELECT array_agg(DISTINCT c.id), array_agg(DISTINCT c.team_id) INTO ids, owners
        FROM changed AS c;
    END IF;
    PERFORM notify_shapes(TG_TABLE_NAME, ids, owners, NULL);
    RETURN NULL;
END
$$;

-- What is in a pipeline is seen by whoever sees the pipeline, so it appears and disappears with it. One that
-- is made or deleted for good counts as moved.
CREATE FUNCTION announce_pipelines() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
    owners uuid[];
    moved uuid[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT
            array_agg(DISTINCT r.id), array_agg(DISTINCT r.team_id),
            coalesce(array_agg(DISTINCT r.id) FILTER (WHERE r.is_moved), '{}')
        INTO ids, owners, moved
        FROM (
            SELECT
                c.id, c.team_id,
                f.id IS NULL OR f.team_id <> c.team_id
                    OR (f.deleted_at IS NULL) <> (c.deleted_at IS NULL) AS is_moved
            FROM changed AS c
            LEFT JOIN former AS f ON f.id = c.id
            UNION ALL
            SELECT f.id, f.team_id, false FROM former AS f
        ) AS r;
    ELSE
        SELECT array_agg(DISTINCT c.id), array_agg(DISTINCT c.team_id) INTO ids, owners
        FROM changed AS c;
        moved := ids;
    END IF;
    PERFORM notify_shapes(TG_TABLE_NAME, ids, owners, moved);
    RETURN NULL;
END
$$;

-- A member is known by the user, who is seen by whoever is in the team.
CREATE FUNCTION announce_members() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
    owners uuid[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT r.user_id), array_agg(DISTINCT r.team_id) INTO ids, owners
        FROM (
            SELECT c.user_id, c.team_id FROM changed AS c
            UNION ALL
            SELECT f.user_id, f.team_id FROM former AS f
        ) AS r;
    ELSE
        SELECT array_agg(DISTINCT c.user_id), array_agg(DISTINCT c.team_id) INTO ids, owners
        FROM changed AS c;
    END IF;
    PERFORM notify_shapes(TG_TABLE_NAME, ids, owners, NULL);
    RETURN NULL;
END
$$;

-- An organization is seen by whoever is in a team of it, and a deleted team by nobody.
CREATE FUNCTION announce_teams() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
    moved uuid[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT
            array_agg(DISTINCT r.id),
            coalesce(array_agg(DISTINCT r.id) FILTER (WHERE r.is_moved), '{}')
        INTO ids, moved
        FROM (
            SELECT
                c.id,
                f.id IS NULL OR f.organization_id <> c.organization_id
                    OR (f.deleted_at IS NULL) <> (c.deleted_at IS NULL) AS is_moved
            FROM changed AS c
            LEFT JOIN former AS f ON f.id = c.id
            UNION ALL
            SELECT f.id, false FROM former AS f
        ) AS r;
    ELSE
        SELECT array_agg(DISTINCT c.id) INTO ids FROM changed AS c;
        moved := ids;
    END IF;
    PERFORM notify_shapes(TG_TABLE_NAME, ids, NULL, moved);
    RETURN NULL;
END
$$;

CREATE FUNCTION announce_rows() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ids uuid[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT r.id) INTO ids
        FROM (SELECT c.id FROM changed AS c UNION ALL SELECT f.id FROM former AS f) AS r;
    ELSE
        SELECT array_agg(DISTINCT c.id) INTO ids FROM changed AS c;
    END IF;
    PERFORM notify_shapes(TG_TABLE_NAME, ids, NULL, NULL);
    RETURN NULL;
END
$$;

CREATE FUNCTION announce_truncated() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('pipeloom_shapes', json_build_object(
        't', TG_TABLE_NAME, 'x', pg_current_xact_id()::xid::text
    )::text);
    RETURN NULL;
END
$$;

DO $$
DECLARE
    announced text;
    announce text;
BEGIN
    FOR announced, announce IN VALUES
        ('users', 'announce_rows'),
        ('organizations', 'announce_rows'),
        ('teams', 'announce_teams'),
        ('team_members', 'announce_members'),
        ('pipelines', 'announce_pipelines'),
        ('pipeline_templates', 'announce_rows_of_teams'),
        ('steps', 'announce_rows_of_pipelines'),
        ('connections', 'announce_rows_of_pipelines'),
        ('comments', 'announce_rows_of_pipelines'),
        ('pipeline_versions', 'announce_rows_of_pipelines')
    LOOP
        EXECUTE format(
            'CREATE TRIGGER shapes_after_insert AFTER INSERT ON %I '
            'REFERENCING NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION %I()', announced, announce);
        EXECUTE format(
            'CREATE TRIGGER shapes_after_update AFTER UPDATE ON %I '
            'REFERENCING OLD TABLE AS former NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION %I()', announced, announce);
        EXECUTE format(
            'CREATE TRIGGER shapes_after_delete AFTER DELETE ON %I '
            'REFERENCING OLD TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION %I()', announced, announce);
        EXECUTE format(
            'CREATE TRIGGER shapes_after_truncate AFTER TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION announce_truncated()', announced);
    END LOOP;
END
$$;
