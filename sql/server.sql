-- What `pipeloom servers grant` and, later, `pipeloom migrate` run: the role whose members serve and
-- work without owning a table. They read and write all rows, and cannot change the schema. It may be
-- run again, and is after each migration.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pipeloom_server') THEN
        CREATE ROLE pipeloom_server NOLOGIN;
    END IF;
    IF NOT pg_has_role('pipeloom_server', 'pipeloom_api', 'MEMBER') THEN
        GRANT pipeloom_api TO pipeloom_server;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO pipeloom_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO pipeloom_server;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO pipeloom_server;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO pipeloom_server;
REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM pipeloom_server;

DO $$
DECLARE
    bound regclass;
BEGIN
    FOR bound IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS server_all ON %s', bound);
        EXECUTE format(
            'CREATE POLICY server_all ON %s TO pipeloom_server USING (true) WITH CHECK (true)', bound
        );
    END LOOP;
END
$$;
