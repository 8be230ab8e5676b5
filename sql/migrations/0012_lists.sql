-- What a list shows of pipelines beside their settings; and searches whose last word is only begun.

-- How many steps a pipeline has, how much is wrong with it, and what a small picture of it needs: type
-- and place of the first 24 steps of its top level. NULL unless the user may see the pipeline.
--
-- It looks past the policies of what it counts, which would ask for the pipeline once for each row.
CREATE FUNCTION pipeline_outline(pipeline uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT jsonb_build_object(
        'step_count', (SELECT count(*) FROM steps AS s WHERE s.pipeline_id = p.id),
        'errors', (
            SELECT count(*) FROM pipeline_diagnostics AS d
            WHERE d.pipeline_id = p.id AND d.severity = 'error'
        ),
        'warnings', (
            SELECT count(*) FROM pipeline_diagnostics AS d
            WHERE d.pipeline_id = p.id AND d.severity = 'warning'
        ),
        'steps', ARRAY(
            SELECT jsonb_build_object(
                'type', left(coalesce(s.declared_type, s.type), 100),
                'x', s.position_x, 'y', s.position_y
            )
            FROM steps AS s
            WHERE s.pipeline_id = p.id AND s.parent_step_id IS NULL
            ORDER BY s.order_index, s.id
            LIMIT 24
        )
    )
    FROM pipelines AS p
    WHERE p.id = pipeline AND p.deleted_at IS NULL
        AND p.team_id = ANY ((SELECT my_team_ids())::uuid[])
$$;

REVOKE ALL ON FUNCTION pipeline_outline FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pipeline_outline TO pipeloom_api;

-- A query in which each word may be only begun: 'pre':* for 'pre'.
CREATE FUNCTION begun(query tsquery) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT regexp_replace(query::text, '''(?= & |$)', ''':*', 'g')::tsquery $$;

-- The words of a search as a query, empty for stop words alone. The last one may be only begun, as it
-- is while somebody types; not if it is one letter, which would read most of the index. The index has
-- stems: "reviewin" begins none, so it is also completed by what English words end in.
CREATE FUNCTION words_sought(words text) RETURNS tsquery
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT plainto_tsquery('english', left(words, length(words) - length(w.last))) && CASE
        WHEN length(w.last) < 2 THEN plainto_tsquery('english', w.last)
        ELSE begun(plainto_tsquery('english', w.last)) || begun(plainto_tsquery('simple', w.last)) || (
            SELECT coalesce(string_agg(DISTINCT format('(%s)', c.query), ' | '), '')::tsquery
            FROM unnest(
                '{e,s,d,g,y,n,t,r,ng,ed,es,er,on,nt,ly,ss,ion,ing,ent,ess,tion,ment,ness,ation}'::text[]
            ) AS ending
            CROSS JOIN plainto_tsquery('english', w.last || ending) AS c (query)
            WHERE numnode(c.query) > 0
        )
    END
    FROM (SELECT substring(words FROM '\S*$') AS last) AS w
$$;

CREATE OR REPLACE FUNCTION search_pipelines(words text) RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT p.id
    FROM pipeline_search AS e
    JOIN pipelines AS p ON p.id = e.pipeline_id
    WHERE e.document @@ (
            SELECT w.query && t.query
            FROM (SELECT words_sought(left(words, 500)) AS query) AS w
            CROSS JOIN (
                SELECT string_agg(format(''':%s''', team), '|')::tsquery AS query
                FROM unnest(my_team_ids()) AS team
            ) AS t
            WHERE numnode(w.query) > 0
        )
        AND p.team_id = ANY ((SELECT my_team_ids())::uuid[])
$$;

-- No beginning of a word may find the word of the team, as "te" would have found "team:".
CREATE OR REPLACE FUNCTION header_words(team uuid, name text, description text, tags text[]) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT array_to_tsvector(ARRAY[':' || team]) || strip(
        to_tsvector('english', left(name, 1000))
        || to_tsvector('english', left(coalesce(description, ''), 50000))
        || to_tsvector('english', left(array_to_string(tags, ' '), 10000))
    )
$$;

UPDATE pipeline_search AS e
SET header = header_words(p.team_id, p.name, p.description, p.tags)
FROM pipelines AS p
WHERE p.id = e.pipeline_id;
