-- What `pipeloom readers grant` and, later, `pipeloom migrate` run: the role whose members read the
-- tables by SQL. It may be run again, and is after each migration.
-- Its members see what is live in all teams: not the log's bytes, no states, no audit log, invitations,
-- tickets or addresses, and not `pipelines.authentication`, in which people may keep credentials, nor what
-- is in a template, which has all of a pipeline.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pipeloom_reader') THEN
        CREATE ROLE pipeloom_reader NOLOGIN;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO pipeloom_reader;
GRANT SELECT (id, name, avatar_url, created_at, updated_at) ON users TO pipeloom_reader;
GRANT SELECT (id, name, slug, created_at) ON organizations TO pipeloom_reader;
GRANT SELECT (id, organization_id, name, slug, created_at, deleted_at) ON teams TO pipeloom_reader;
GRANT SELECT (
    id, team_id, created_by, name, description, yaml_version, status, config, defaults, tags,
    is_template, parent_pipeline_id, created_at, updated_at, published_at, deleted_at
) ON pipelines TO pipeloom_reader;
GRANT SELECT (
    id, pipeline_id, version_number, seq, name, change_summary, created_by, created_at, bytes
) ON pipeline_versions TO pipeloom_reader;
GRANT SELECT (pipeline_id, head_seq, log_bytes) ON pipeline_documents TO pipeloom_reader;
GRANT SELECT (pipeline_id, seq, projected_at) ON projection_cursors TO pipeloom_reader;
GRANT SELECT (
    id, team_id, created_by, source_pipeline_id, name, description, category, icon, usage_count,
    created_at, updated_at
) ON pipeline_templates TO pipeloom_reader;
GRANT SELECT
ON team_members, steps, connections, pipeline_diagnostics, comments, pipeline_stats
TO pipeloom_reader;

DO $$
DECLARE
    rule record;
BEGIN
    FOR rule IN
        SELECT *
        FROM (VALUES
            ('users', 'true'),
            ('organizations', 'true'),
            ('teams', 'deleted_at IS NULL'),
            ('team_members', 'EXISTS (SELECT FROM teams AS t WHERE t.id = team_id)'),
            ('pipeline_templates', 'EXISTS (SELECT FROM teams AS t WHERE t.id = team_id)'),
            ('pipelines', 'deleted_at IS NULL AND EXISTS (SELECT FROM teams AS t WHERE t.id = team_id)'),
            ('steps', ''), ('connections', ''), ('pipeline_diagnostics', ''), ('comments', ''),
            ('pipeline_versions', ''), ('pipeline_documents', ''), ('projection_cursors', '')
        ) AS rules (relation, condition)
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS reader_select ON %I', rule.relation);
        EXECUTE format(
            'CREATE POLICY reader_select ON %I FOR SELECT TO pipeloom_reader USING (%s)',
            rule.relation,
            coalesce(
                nullif(rule.condition, ''),
                'EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id)'
            )
        );
    END LOOP;
END
$$;
