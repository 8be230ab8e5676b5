-- The log can be folded: a row may be the merge of several updates that followed each other, of one user
-- within one minute. It has the number of the last one, and says where it begins.
-- Stop older servers first: they take a merged row for one update, and miss those before it.

ALTER TABLE pipeline_updates ADD COLUMN first_seq bigint, ADD COLUMN first_received_at timestamptz;

-- Up to where a log is folded as far as it can be, and how much smaller that has made its updates.
ALTER TABLE projection_cursors
    ADD COLUMN folded_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN folded_bytes bigint NOT NULL DEFAULT 0;

-- As before, and it says of folded updates what they are made of.
DROP FUNCTION lock_documents;

-- Lock the heads of documents until the end of the transaction, for edits that are decided on what
-- their logs hold. Returns head, reservation and the updates after a position of each document that
-- exists: at most 1,000 of them and so many bytes, one row each; one row where none is missing.
CREATE FUNCTION lock_documents(
    pipeline_ids uuid[], positions bigint[], most_bytes bigint, idle_milliseconds integer
) RETURNS TABLE (
    pipeline_id uuid, head_seq bigint, reserved_by uuid,
    seq bigint, user_id uuid, payload bytea, received_at timestamptz,
    first_seq bigint, first_received_at timestamptz
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
    -- A server that stands still must not make the others wait for its locks for long.
    PERFORM set_config('idle_in_transaction_session_timeout', idle_milliseconds::text, true);

    -- In id order and in a statement of its own, as in append_updates.
    PERFORM FROM pipeline_documents AS d
    WHERE d.pipeline_id = ANY (pipeline_ids)
    ORDER BY d.pipeline_id
    FOR UPDATE;

    RETURN QUERY
    SELECT
        d.pipeline_id, d.head_seq,
        CASE WHEN d.reserved_until > clock_timestamp() THEN d.reserved_by END,
        u.seq, u.user_id, u.payload, u.received_at, u.first_seq, u.first_received_at
    FROM unnest(pipeline_ids, positions) AS asked (pipeline_id, position)
    JOIN pipeline_documents AS d ON d.pipeline_id = asked.pipeline_id
    LEFT JOIN LATERAL (
        SELECT m.*, sum(octet_length(m.payload)) OVER (ORDER BY m.seq) AS bytes
        FROM pipeline_updates AS m
        WHERE m.pipeline_id = d.pipeline_id AND m.seq > asked.position
        ORDER BY m.seq
        LIMIT 1000
    ) AS u ON most_bytes IS NULL OR u.bytes <= most_bytes
    ORDER BY d.pipeline_id, u.seq;
END
$$;

-- How many bytes a team stores is counted where they enter and leave.

ALTER TABLE pipeline_documents ADD COLUMN log_bytes bigint NOT NULL DEFAULT 0;

UPDATE pipeline_documents AS d SET log_bytes = u.bytes
FROM (SELECT pipeline_id, sum(octet_length(payload)) AS bytes FROM pipeline_updates GROUP BY 1) AS u
WHERE u.pipeline_id = d.pipeline_id;

ALTER TABLE pipeline_versions ADD COLUMN bytes bigint NOT NULL DEFAULT 0;

UPDATE pipeline_versions
SET bytes = octet_length(state) + pg_column_size(pipeline_snapshot) + pg_column_size(steps_snapshot)
    + pg_column_size(connections_snapshot);

CREATE OR REPLACE FUNCTION append_updates(
    pipeline_ids uuid[], user_ids uuid[], payloads bytea[], received timestamptz[]
) RETURNS SETOF bigint
LANGUAGE plpgsql
AS $$
BEGIN
    -- In id order, so that two appends never wait for each other in a circle; in a statement of
    -- its own, so that the next one sees the heads that were committed while this one waited.
    PERFORM FROM pipeline_documents AS d
    WHERE d.pipeline_id = ANY (pipeline_ids)
    ORDER BY d.pipeline_id
    FOR UPDATE;

    RETURN QUERY
    WITH numbered AS (
        SELECT
            u.pipeline_id, u.user_id, u.payload, u.received_at, u.position,
            d.head_seq + row_number() OVER (PARTITION BY u.pipeline_id ORDER BY u.position) AS seq
        FROM unnest(pipeline_ids, user_ids, payloads, received)
            WITH ORDINALITY AS u (pipeline_id, user_id, payload, received_at, position)
        LEFT JOIN pipeline_documents AS d ON d.pipeline_id = u.pipeline_id
    ), inserted AS (
        INSERT INTO pipeline_updates (pipeline_id, seq, user_id, payload, received_at)
        SELECT n.pipeline_id, n.seq, author.id, n.payload, n.received_at
        FROM numbered AS n
        LEFT JOIN users AS author ON author.id = n.user_id
        WHERE n.seq IS NOT NULL
    ), moved AS (
        UPDATE pipeline_documents AS d
        SET head_seq = n.head, log_bytes = d.log_bytes + n.bytes
        FROM (
            SELECT m.pipeline_id, max(m.seq) AS head, sum(octet_length(m.payload)) AS bytes
            FROM numbered AS m
            GROUP BY 1
        ) AS n
        WHERE d.pipeline_id = n.pipeline_id
    )
    SELECT n.seq FROM numbered AS n ORDER BY n.position;

    PERFORM pg_notify('pipeloom_updates', d.pipeline_id::text)
    FROM pipeline_documents AS d
    WHERE d.pipeline_id = ANY (pipeline_ids);
END
$$;

-- How many bytes a team stores, counted where they enter and leave: of the log in pipeline_documents
-- and projection_cursors (`folded_bytes`), of versions and comments here. There is one state of a
-- pipeline at most, whose size is known without reading it. Before PostgreSQL compresses them, and
-- without indexes.
CREATE TABLE pipeline_sizes (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    version_bytes bigint NOT NULL DEFAULT 0,
    comment_bytes bigint NOT NULL DEFAULT 0
);

ALTER TABLE pipeline_sizes ENABLE ROW LEVEL SECURITY;

-- Measured once, since a snapshot has another size when it is read from where it is compressed.
CREATE FUNCTION measure_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.bytes := octet_length(NEW.state) + pg_column_size(NEW.pipeline_snapshot)
        + pg_column_size(NEW.steps_snapshot) + pg_column_size(NEW.connections_snapshot);
    RETURN NEW;
END
$$;

CREATE TRIGGER measure_version
BEFORE INSERT ON pipeline_versions
FOR EACH ROW EXECUTE FUNCTION measure_version();

CREATE FUNCTION add_sizes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'pipeline_versions' THEN
        INSERT INTO pipeline_sizes AS z (pipeline_id, version_bytes)
        SELECT a.pipeline_id, sum(a.bytes) FROM added AS a GROUP BY 1 ORDER BY 1
        ON CONFLICT (pipeline_id) DO UPDATE
        SET version_bytes = z.version_bytes + excluded.version_bytes;
    ELSE
        INSERT INTO pipeline_sizes AS z (pipeline_id, comment_bytes)
        SELECT a.pipeline_id, sum(octet_length(a.content)) FROM added AS a GROUP BY 1 ORDER BY 1
        ON CONFLICT (pipeline_id) DO UPDATE
        SET comment_bytes = z.comment_bytes + excluded.comment_bytes;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION subtract_sizes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'pipeline_versions' THEN
        UPDATE pipeline_sizes AS z SET version_bytes = z.version_bytes - g.bytes
        FROM (SELECT r.pipeline_id, sum(r.bytes) AS bytes FROM removed AS r GROUP BY 1) AS g
        WHERE z.pipeline_id = g.pipeline_id;
    ELSE
        UPDATE pipeline_sizes AS z SET comment_bytes = z.comment_bytes - g.bytes
        FROM (
            SELECT r.pipeline_id, sum(octet_length(r.content)) AS bytes
            FROM removed AS r
            GROUP BY 1
        ) AS g
        WHERE z.pipeline_id = g.pipeline_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER add_version_sizes
AFTER INSERT ON pipeline_versions REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION add_sizes();

CREATE TRIGGER subtract_version_sizes
AFTER DELETE ON pipeline_versions REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION subtract_sizes();

CREATE TRIGGER add_comment_sizes
AFTER INSERT ON comments REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION add_sizes();

CREATE TRIGGER subtract_comment_sizes
AFTER DELETE ON comments REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION subtract_sizes();

-- An edited comment leaves as it was and enters as it is.
CREATE TRIGGER add_edited_comment_sizes
AFTER UPDATE ON comments REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION add_sizes();

CREATE TRIGGER subtract_edited_comment_sizes
AFTER UPDATE ON comments REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION subtract_sizes();

-- What the pipelines of a team store, with those that are kept after their deletion.
CREATE FUNCTION team_bytes(team uuid)
RETURNS TABLE (log bigint, states bigint, versions bigint, comments bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT
        coalesce(sum(d.log_bytes - c.folded_bytes), 0)::bigint,
        coalesce(sum(octet_length(s.state)), 0)::bigint,
        coalesce(sum(z.version_bytes), 0)::bigint,
        coalesce(sum(z.comment_bytes), 0)::bigint
    FROM pipelines AS p
    LEFT JOIN pipeline_documents AS d ON d.pipeline_id = p.id
    LEFT JOIN projection_cursors AS c ON c.pipeline_id = p.id
    LEFT JOIN pipeline_states AS s ON s.pipeline_id = p.id
    LEFT JOIN pipeline_sizes AS z ON z.pipeline_id = p.id
    WHERE p.team_id = team
$$;

-- The same of one of the user's teams; no row of another.
CREATE FUNCTION my_team_bytes(team uuid)
RETURNS TABLE (log bigint, states bigint, versions bigint, comments bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT b.* FROM team_bytes(team) AS b WHERE team = ANY (my_team_ids()) $$;

REVOKE ALL ON FUNCTION team_bytes, my_team_bytes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION my_team_bytes TO pipeloom_api;

INSERT INTO pipeline_sizes (pipeline_id, version_bytes, comment_bytes)
SELECT
    p.id,
    (SELECT coalesce(sum(v.bytes), 0) FROM pipeline_versions AS v WHERE v.pipeline_id = p.id),
    (SELECT coalesce(sum(octet_length(c.content)), 0) FROM comments AS c WHERE c.pipeline_id = p.id)
FROM pipelines AS p;
