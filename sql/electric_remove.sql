-- What `pipeloom electric remove` runs: it takes back what `electric.sql` did in this database. The role
-- pipeloom_electric stays, since it belongs to the whole cluster.

DROP PUBLICATION IF EXISTS electric_publication_default;

DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT p.polrelid FROM pg_policy AS p WHERE p.polname = 'electric_select' LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', relation);
        EXECUTE format('DROP POLICY electric_select ON %s', relation);
        EXECUTE format('REVOKE ALL ON %s FROM pipeloom_electric', relation);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pipeloom_electric') THEN
        REVOKE USAGE ON SCHEMA public FROM pipeloom_electric;
    END IF;
END
$$;
