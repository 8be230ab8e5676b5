-- What `pipeloom electric setup` and, later, `pipeloom migrate` run: what Electric needs to follow the
-- tables that are shapes. It changes only what is not as it should be, so it may be run again.
-- `electric_remove.sql` is the way back.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pipeloom_electric') THEN
        CREATE ROLE pipeloom_electric NOLOGIN;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO pipeloom_electric;

DO $$
DECLARE
    shapes constant text[] := ARRAY[
        'users', 'organizations', 'teams', 'team_members', 'pipelines', 'steps', 'connections',
        'pipeline_templates', 'comments', 'pipeline_versions'
    ];
    relation text;
    has_option constant boolean := current_setting('server_version_num')::int >= 180000;
    publication record;
    listed text;
BEGIN
    -- From PostgreSQL 18 on, an UPDATE or DELETE of a table fails that is published with its whole rows
    -- and has a stored generated column, unless the publication has it, too. Before, there is no such option.
    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'electric_publication_default') THEN
        EXECUTE 'CREATE PUBLICATION electric_publication_default'
            || CASE WHEN has_option THEN ' WITH (publish_generated_columns = stored)' ELSE '' END;
    END IF;

    SELECT p.*, to_jsonb(p) ->> 'pubgencols' AS generated INTO publication
    FROM pg_publication AS p
    WHERE p.pubname = 'electric_publication_default';
    IF publication.puballtables THEN
        RAISE 'the publication electric_publication_default has all tables, also those with what is '
            'secret, and Electric cannot use it: stop Electric, run DROP PUBLICATION '
            'electric_publication_default, and try again' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT (publication.pubinsert AND publication.pubupdate AND publication.pubdelete
            AND publication.pubtruncate) THEN
        ALTER PUBLICATION electric_publication_default
            SET (publish = 'insert, update, delete, truncate');
    END IF;
    IF has_option AND publication.generated <> 's' THEN
        EXECUTE 'ALTER PUBLICATION electric_publication_default '
            'SET (publish_generated_columns = stored)';
    END IF;

    -- Exactly these tables, whole: with a list of columns, each UPDATE of a table would fail.
    SELECT string_agg(c.oid::regclass::text || coalesce(r.prattrs::text, '')
        || coalesce(r.prqual::text, ''), ',' ORDER BY c.relname) INTO listed
    FROM pg_publication_rel AS r
    JOIN pg_class AS c ON c.oid = r.prrelid
    WHERE r.prpubid = publication.oid;
    IF listed IS DISTINCT FROM (SELECT string_agg(s, ',' ORDER BY s) FROM unnest(shapes) AS s) THEN
        EXECUTE 'ALTER PUBLICATION electric_publication_default SET TABLE '
            || array_to_string(shapes, ', ');
    END IF;

    FOREACH relation IN ARRAY shapes LOOP
        IF (SELECT c.relreplident FROM pg_class AS c WHERE c.oid = relation::regclass) <> 'f' THEN
            EXECUTE format('ALTER TABLE %I REPLICA IDENTITY FULL', relation);
        END IF;
        EXECUTE format('GRANT SELECT ON %I TO pipeloom_electric', relation);
        IF NOT EXISTS (
            SELECT FROM pg_policies
            WHERE schemaname = 'public' AND tablename = relation AND policyname = 'electric_select'
        ) THEN
            EXECUTE format(
                'CREATE POLICY electric_select ON %I FOR SELECT TO pipeloom_electric USING (true)',
                relation
            );
        END IF;
    END LOOP;
END
$$;
