-- Search by name, description, tags and the text of steps: one entry per pipeline, beside it.
-- Stop older servers first: they search in a column that is dropped here.

-- A generated column of pipelines knows nothing of steps, and made every touch of a pipeline pay for
-- a GIN index.
DROP INDEX idx_pipelines_search;
ALTER TABLE pipelines DROP COLUMN search_vector;

-- Words without positions, so that phrases and ranks are not to be had. A tsvector holds 1 MB;
-- header_words and step_words stay below half of that whatever the text. `size` is the number of
-- steps at the last refresh: the more, the longer the entry may be out of date.
CREATE TABLE pipeline_search (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    header tsvector NOT NULL,
    steps tsvector NOT NULL DEFAULT '',
    document tsvector NOT NULL GENERATED ALWAYS AS (header || steps) STORED,
    size integer NOT NULL DEFAULT 0,
    is_stale boolean NOT NULL DEFAULT true,
    refreshed_at timestamptz NOT NULL DEFAULT '-infinity'
);

-- Without a list of pending entries, which every search would have to read through.
CREATE INDEX idx_pipeline_search ON pipeline_search USING gin (document) WITH (fastupdate = off);
CREATE INDEX idx_pipeline_search_stale ON pipeline_search (refreshed_at) WHERE is_stale;

-- The team is one more word, so that the index itself leaves out the pipelines of other teams. No
-- text yields a word with a colon and a hyphen in it; search_pipelines would not trust one anyway.
CREATE FUNCTION header_words(team uuid, name text, description text, tags text[]) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT array_to_tsvector(ARRAY['team:' || team]) || strip(
        to_tsvector('english', left(name, 1000))
        || to_tsvector('english', left(coalesce(description, ''), 50000))
        || to_tsvector('english', left(array_to_string(tags, ' '), 10000))
    )
$$;

-- Every string in a step, without the keys of its config. A very large config is cut, and read as
-- JSON: a tsvector of all its strings might not fit.
CREATE FUNCTION step_words(name text, type text, config jsonb) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN octet_length(config::text) <= 100000
        THEN jsonb_to_tsvector('english', jsonb_build_array(name, type, config), '["string"]')
        ELSE to_tsvector('english', concat_ws(' ', name, type,
            regexp_replace(left(config::text, 100000), '\\(["\\/bfnrt]|u[0-9a-f]{4})', ' ', 'g')))
    END
$$;

CREATE FUNCTION words_of_steps(pipeline uuid) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT coalesce(array_to_tsvector(array_agg(w.word)), '')
    FROM (
        SELECT d.word, sum(octet_length(d.word)) OVER (ORDER BY d.word) AS octets
        FROM (
            SELECT DISTINCT unnest(tsvector_to_array(
                step_words(s.name, coalesce(s.declared_type, s.type), s.config)
            )) AS word
            FROM (SELECT * FROM steps WHERE pipeline_id = pipeline LIMIT 20000) AS s
        ) AS d
        WHERE length(d.word) <= 100
    ) AS w
    WHERE w.octets < 500000
$$;

-- Returns how many steps it read; NULL if there is no such pipeline.
CREATE FUNCTION refresh_search(pipeline uuid) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    read_steps integer;
BEGIN
    -- The lock of whoever changes steps comes first: a change between reading them and
    -- `is_stale = false` would go unnoticed.
    PERFORM FROM projection_cursors AS c WHERE c.pipeline_id = pipeline FOR UPDATE;
    SELECT count(*) INTO read_steps FROM steps AS s WHERE s.pipeline_id = pipeline;
    UPDATE pipeline_search AS e
    SET steps = words_of_steps(pipeline), size = read_steps, is_stale = false,
        refreshed_at = clock_timestamp()
    WHERE e.pipeline_id = pipeline
    RETURNING e.size INTO read_steps;
    RETURN read_steps;
EXCEPTION WHEN program_limit_exceeded OR statement_too_complex THEN
    -- Words that no entry can hold must not keep rows from being projected.
    UPDATE pipeline_search AS e
    SET steps = '', is_stale = false, refreshed_at = clock_timestamp()
    WHERE e.pipeline_id = pipeline;
    RETURN NULL;
END
$$;

-- How long an entry rests after a refresh, so that refreshing takes a small part of the worker's
-- time while somebody types.
CREATE FUNCTION search_rest(size integer) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT make_interval(secs => 1 + size / 1000.0) $$;

-- The pipelines of the user's teams that contain every word; none for stop words alone.
--
-- Under row-level security a condition that is not leakproof is evaluated after the policy's, and
-- `@@` is not: a query of pipeline_search as the API's role would read the whole table instead of
-- the index. So this function looks past the policies and takes the teams from the user itself. It
-- gives ids only, to be joined with pipelines, where the policies hold as ever:
-- `WHERE id IN (SELECT search_pipelines($1))`.
CREATE FUNCTION search_pipelines(words text) RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT p.id
    FROM pipeline_search AS e
    JOIN pipelines AS p ON p.id = e.pipeline_id
    WHERE e.document @@ (
            SELECT w.query && t.query
            FROM (SELECT plainto_tsquery('english', left(words, 500)) AS query) AS w
            CROSS JOIN (
                SELECT string_agg(format('''team:%s''', team), '|')::tsquery AS query
                FROM unnest(my_team_ids()) AS team
            ) AS t
            WHERE numnode(w.query) > 0
        )
        AND p.team_id = ANY ((SELECT my_team_ids())::uuid[])
$$;

-- Triggers on what a cascade deletes run as whoever deleted, here the API's role: these three run as
-- the owner of the tables.
CREATE FUNCTION add_search() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    -- Without steps there is nothing to refresh.
    INSERT INTO pipeline_search (pipeline_id, header, is_stale)
    VALUES (NEW.id, header_words(NEW.team_id, NEW.name, NEW.description, NEW.tags), false);
    RETURN NULL;
END
$$;

CREATE TRIGGER add_search
AFTER INSERT ON pipelines
FOR EACH ROW EXECUTE FUNCTION add_search();

CREATE FUNCTION refresh_header() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE pipeline_search AS e
    SET header = header_words(NEW.team_id, NEW.name, NEW.description, NEW.tags)
    WHERE e.pipeline_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER refresh_header
AFTER UPDATE OF team_id, name, description, tags ON pipelines
FOR EACH ROW WHEN (
    (OLD.team_id, OLD.name, OLD.description, OLD.tags)
    IS DISTINCT FROM (NEW.team_id, NEW.name, NEW.description, NEW.tags)
) EXECUTE FUNCTION refresh_header();

CREATE FUNCTION outdate_search() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE pipeline_search AS e
    SET is_stale = true
    WHERE e.pipeline_id = coalesce(NEW.pipeline_id, OLD.pipeline_id) AND NOT e.is_stale;
    RETURN NULL;
END
$$;

CREATE TRIGGER outdate_search
AFTER INSERT OR DELETE ON steps
FOR EACH ROW EXECUTE FUNCTION outdate_search();

CREATE TRIGGER outdate_search_by_text
AFTER UPDATE OF name, type, declared_type, config ON steps
FOR EACH ROW WHEN (
    (OLD.name, OLD.type, OLD.declared_type, OLD.config)
    IS DISTINCT FROM (NEW.name, NEW.type, NEW.declared_type, NEW.config)
) EXECUTE FUNCTION outdate_search();

INSERT INTO pipeline_search (pipeline_id, header)
SELECT id, header_words(team_id, name, description, tags) FROM pipelines;

ALTER TABLE pipeline_search ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON FUNCTION search_pipelines FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_pipelines TO pipeloom_api;
