-- Versions, templates, comments, presence; and who may see and do what, as the database enforces
-- it for the role pipeloom_api (persistence/postgres/user_rows.py). The owner of the tables is the server
-- itself: log, worker and directory are not bound by policies.

-- NULL, which equals nothing, unless the transaction says on whose behalf it works.
CREATE FUNCTION current_user_id() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;

CREATE TABLE pipeline_versions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    pipeline_id uuid NOT NULL REFERENCES pipelines ON DELETE CASCADE,
    version_number integer NOT NULL CHECK (version_number > 0),
    seq bigint NOT NULL,
    state bytea NOT NULL,
    pipeline_snapshot jsonb NOT NULL,
    steps_snapshot jsonb NOT NULL,
    connections_snapshot jsonb NOT NULL,
    name text,
    change_summary text,
    created_by uuid REFERENCES users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (pipeline_id, version_number)
);

CREATE INDEX idx_versions_created_by ON pipeline_versions (created_by);

CREATE TABLE pipeline_templates (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    created_by uuid DEFAULT current_user_id() REFERENCES users ON DELETE SET NULL,
    source_pipeline_id uuid REFERENCES pipelines ON DELETE SET NULL,
    name text NOT NULL,
    description text,
    category text,
    icon text,
    pipeline_config jsonb NOT NULL,
    default_values jsonb NOT NULL DEFAULT '{}',
    usage_count integer NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idx_templates_team ON pipeline_templates (team_id, created_at DESC, id);
CREATE INDEX idx_templates_created_by ON pipeline_templates (created_by);
CREATE INDEX idx_templates_source ON pipeline_templates (source_pipeline_id);

-- step_id refers to no row: a thread outlives its step, which an undo may bring back. parent_id is
-- the root of the thread, and deleting the root deletes the thread.
CREATE TABLE comments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    pipeline_id uuid NOT NULL REFERENCES pipelines ON DELETE CASCADE,
    step_id uuid,
    parent_id uuid,
    user_id uuid DEFAULT current_user_id() REFERENCES users ON DELETE SET NULL,
    content text NOT NULL CHECK (content <> ''),
    resolved boolean NOT NULL DEFAULT false CHECK (parent_id IS NULL OR NOT resolved),
    resolved_by uuid REFERENCES users ON DELETE SET NULL CHECK (resolved OR resolved_by IS NULL),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (pipeline_id, id),
    FOREIGN KEY (pipeline_id, parent_id) REFERENCES comments (pipeline_id, id) ON DELETE CASCADE
);

CREATE INDEX idx_comments_created ON comments (pipeline_id, created_at, id);
CREATE INDEX idx_comments_step ON comments (pipeline_id, step_id);
CREATE INDEX idx_comments_parent ON comments (pipeline_id, parent_id);
CREATE INDEX idx_comments_user ON comments (user_id);
CREATE INDEX idx_comments_resolved_by ON comments (resolved_by);

-- A mirror of the rooms' presence: nothing is lost when a crash empties it.
CREATE UNLOGGED TABLE presence (
    pipeline_id uuid NOT NULL REFERENCES pipelines ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    cursor_x double precision,
    cursor_y double precision,
    selected_step_ids uuid[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'active',
    last_seen timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, user_id)
);

CREATE INDEX idx_presence_user ON presence (user_id);

-- Roles belong to the whole cluster: another of its databases may have made this one already, or
-- be about to.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pipeloom_api') THEN
        BEGIN
            CREATE ROLE pipeloom_api NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    IF NOT pg_has_role(
        'pipeloom_api',
        -- Since PostgreSQL 16 a member need not have the right to act as the role.
        CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END
    ) THEN
        BEGIN
            EXECUTE format('GRANT pipeloom_api TO %I', current_user);
        EXCEPTION WHEN unique_violation THEN NULL;
        END;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE insufficient_privilege USING MESSAGE = format(
        'the role %1$I may neither create the role pipeloom_api nor join it: let an administrator '
        'run `CREATE ROLE pipeloom_api NOLOGIN` unless that role exists, and then '
        '`GRANT pipeloom_api TO %1$I`, and migrate again', current_user);
END
$$;

DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_roles WHERE rolname = 'pipeloom_api' AND (rolsuper OR rolbypassrls)
    ) OR pg_has_role('pipeloom_api', current_user, 'MEMBER') THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            'the role pipeloom_api must be bound by row-level security: let an administrator run '
            '`ALTER ROLE pipeloom_api NOSUPERUSER NOBYPASSRLS` and `REVOKE %I FROM pipeloom_api`, '
            'and migrate again', current_user);
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO pipeloom_api;

-- Policies call these as `(SELECT f())`, so that they are evaluated once, and get arrays, so that
-- `team_id = ANY (array)` can use an index. They look past the policies, which would otherwise ask
-- themselves without end.

-- The teams in which the user has at least this role.
CREATE FUNCTION my_team_ids(lowest text DEFAULT 'viewer') RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT coalesce(array_agg(m.team_id), '{}')
    FROM team_members AS m
    WHERE m.user_id = current_user_id()
        AND array_position('{viewer,member,admin,owner}', m.role)
            >= array_position('{viewer,member,admin,owner}', lowest)
$$;

-- The organizations with a team in which the user has at least this role.
CREATE FUNCTION my_organization_ids(lowest text DEFAULT 'viewer') RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT t.organization_id), '{}')
    FROM teams AS t
    WHERE t.id = ANY (my_team_ids(lowest))
$$;

-- The user, and everybody with whom the user shares a team.
CREATE FUNCTION my_fellow_ids() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT array_agg(DISTINCT m.user_id) || current_user_id()
    FROM team_members AS m
    WHERE m.team_id = ANY (my_team_ids())
$$;

-- To be called before deleting pipelines: waits for the workers at them, which lock in this order
-- too. Deleting straight away may end in a deadlock, which PostgreSQL resolves by refusing one.
CREATE FUNCTION lock_projections(pipeline_ids uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT FROM projection_cursors AS c
    JOIN pipelines AS p ON p.id = c.pipeline_id
    WHERE c.pipeline_id = ANY (pipeline_ids) AND p.team_id = ANY (my_team_ids('member'))
    ORDER BY c.pipeline_id
    FOR UPDATE OF c
$$;

-- An organization with its first team, and the user as the owner of that.
CREATE FUNCTION create_organization(
    organization_name text, organization_slug text, team_name text, team_slug text
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH organization AS (
        INSERT INTO organizations (name, slug) VALUES (organization_name, organization_slug)
        RETURNING id
    ), team AS (
        INSERT INTO teams (organization_id, name, slug)
        SELECT o.id, team_name, team_slug FROM organization AS o
        RETURNING id
    ), member AS (
        INSERT INTO team_members (team_id, user_id, role)
        SELECT t.id, current_user_id(), 'owner' FROM team AS t
    )
    SELECT o.id FROM organization AS o
$$;

-- A team of an organization, with the user as its owner.
CREATE FUNCTION create_team(organization uuid, team_name text, team_slug text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    created uuid;
BEGIN
    IF NOT organization = ANY (my_organization_ids()) THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('there is no organization %s: check the id', organization);
    END IF;
    IF NOT organization = ANY (my_organization_ids('admin')) THEN
        RAISE insufficient_privilege USING
            MESSAGE = 'expected an owner or admin of a team of this organization';
    END IF;
    INSERT INTO teams (organization_id, name, slug) VALUES (organization, team_name, team_slug)
    RETURNING id INTO created;
    INSERT INTO team_members (team_id, user_id, role) VALUES (created, current_user_id(), 'owner');
    RETURN created;
END
$$;

-- A viewer, too, may take a template of the team along into another; NULL if there is none.
CREATE FUNCTION count_template_use(template uuid) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE pipeline_templates AS t
    SET usage_count = t.usage_count + 1
    WHERE t.id = template AND t.team_id = ANY (my_team_ids())
    RETURNING t.usage_count
$$;

-- Policies know rows, not columns: what only the user may see of a user is here and nowhere else.
CREATE VIEW my_user WITH (security_barrier = true) AS
SELECT id, email, name, avatar_url, preferences, created_at, updated_at
FROM users
WHERE id = current_user_id();

-- Subqueries of the SELECT list, and no joins, are left to the rows that remain after a LIMIT.
CREATE VIEW pipeline_stats WITH (security_invoker = true) AS
SELECT
    p.id, p.team_id,
    (SELECT count(*) FROM steps AS s WHERE s.pipeline_id = p.id) AS step_count,
    (
        SELECT count(DISTINCT coalesce(s.declared_type, s.type))
        FROM steps AS s
        WHERE s.pipeline_id = p.id
    ) AS step_type_count,
    (SELECT count(*) FROM connections AS c WHERE c.pipeline_id = p.id) AS connection_count,
    p.updated_at AS last_modified
FROM pipelines AS p;

CREATE FUNCTION keep_an_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    -- Locked, so that the second of two owners who leave at once sees that the first has left.
    PERFORM FROM teams AS t WHERE t.id = OLD.team_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT FROM team_members AS m WHERE m.team_id = OLD.team_id AND m.role = 'owner'
    ) THEN
        RAISE restrict_violation USING
            MESSAGE = 'a team keeps an owner: make somebody else its owner first',
            CONSTRAINT = 'team_keeps_an_owner', TABLE = 'team_members';
    END IF;
    RETURN NULL;
END
$$;

-- At commit, so that owners can be exchanged in any order and a team can be deleted as a whole.
CREATE CONSTRAINT TRIGGER team_keeps_an_owner
AFTER UPDATE OR DELETE ON team_members
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.role = 'owner') EXECUTE FUNCTION keep_an_owner();

CREATE FUNCTION announce_member() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('pipeloom_access', OLD.user_id::text);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('pipeloom_access', NEW.user_id::text);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_member
AFTER INSERT OR UPDATE OR DELETE ON team_members
FOR EACH ROW EXECUTE FUNCTION announce_member();

CREATE FUNCTION announce_deleted_pipeline() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('pipeloom_access', 'pipeline:' || OLD.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_deleted_pipeline
AFTER DELETE ON pipelines
FOR EACH ROW EXECUTE FUNCTION announce_deleted_pipeline();

CREATE FUNCTION announce_moved_pipeline() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('pipeloom_access', m.user_id::text)
    FROM team_members AS m
    WHERE m.team_id IN (OLD.team_id, NEW.team_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_moved_pipeline
AFTER UPDATE OF team_id ON pipelines
FOR EACH ROW WHEN (OLD.team_id <> NEW.team_id) EXECUTE FUNCTION announce_moved_pipeline();

CREATE FUNCTION touch() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER touch_user
BEFORE UPDATE ON users
FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch();

-- Neither its use nor the deletion of its author changes a template.
CREATE TRIGGER touch_template
BEFORE UPDATE OF name, description, category, icon, pipeline_config, default_values
ON pipeline_templates
FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch();

CREATE TRIGGER touch_comment
BEFORE UPDATE OF content, resolved ON comments
FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch();

-- A thread has one root and one step: a reply to a reply is refused, a reply takes the root's step.
CREATE FUNCTION join_thread() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    root comments;
BEGIN
    SELECT c.* INTO root FROM comments AS c
    WHERE c.pipeline_id = NEW.pipeline_id AND c.id = NEW.parent_id;
    IF root.parent_id IS NOT NULL THEN
        RAISE check_violation USING
            MESSAGE = format('expected the root of a thread, got its reply %s', NEW.parent_id),
            CONSTRAINT = 'comments_parent_is_root', TABLE = 'comments';
    END IF;
    NEW.step_id := root.step_id;
    RETURN NEW;
END
$$;

CREATE TRIGGER join_thread
BEFORE INSERT ON comments
FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION join_thread();

-- Every member resolves; only the author rewrites. Policies cannot tell the two apart.
CREATE FUNCTION guard_comment() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.content <> OLD.content AND row_security_active('comments')
        AND OLD.user_id IS DISTINCT FROM current_user_id()
    THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the author may rewrite a comment';
    END IF;
    IF NEW.resolved <> OLD.resolved THEN
        NEW.resolved_by := CASE WHEN NEW.resolved THEN current_user_id() END;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_comment
BEFORE UPDATE OF content, resolved ON comments
FOR EACH ROW EXECUTE FUNCTION guard_comment();

-- A table without a policy for an action refuses it; a role without a grant never gets that far.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE team_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE pipelines ENABLE ROW LEVEL SECURITY;
ALTER TABLE steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE connections ENABLE ROW LEVEL SECURITY;
ALTER TABLE pipeline_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE pipeline_updates ENABLE ROW LEVEL SECURITY;
ALTER TABLE pipeline_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE projection_cursors ENABLE ROW LEVEL SECURITY;
ALTER TABLE pipeline_diagnostics ENABLE ROW LEVEL SECURITY;
ALTER TABLE pipeline_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE pipeline_templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE presence ENABLE ROW LEVEL SECURITY;
ALTER TABLE IF EXISTS schema_migrations ENABLE ROW LEVEL SECURITY;

CREATE POLICY users_select ON users FOR SELECT TO pipeloom_api
USING (id = ANY ((SELECT my_fellow_ids())::uuid[]));

CREATE POLICY organizations_select ON organizations FOR SELECT TO pipeloom_api
USING (id = ANY ((SELECT my_organization_ids())::uuid[]));

CREATE POLICY organizations_update ON organizations FOR UPDATE TO pipeloom_api
USING (id = ANY ((SELECT my_organization_ids('owner'))::uuid[]));

CREATE POLICY teams_select ON teams FOR SELECT TO pipeloom_api
USING (id = ANY ((SELECT my_team_ids())::uuid[]));

CREATE POLICY teams_update ON teams FOR UPDATE TO pipeloom_api
USING (id = ANY ((SELECT my_team_ids('admin'))::uuid[]));

CREATE POLICY teams_delete ON teams FOR DELETE TO pipeloom_api
USING (id = ANY ((SELECT my_team_ids('owner'))::uuid[]));

CREATE POLICY team_members_select ON team_members FOR SELECT TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids())::uuid[]));

-- Admins neither make owners nor touch them.
CREATE POLICY team_members_insert ON team_members FOR INSERT TO pipeloom_api
WITH CHECK (
    team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
    OR role <> 'owner' AND team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
);

CREATE POLICY team_members_update ON team_members FOR UPDATE TO pipeloom_api
USING (
    team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
    OR role <> 'owner' AND team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
);

-- Anybody may leave.
CREATE POLICY team_members_delete ON team_members FOR DELETE TO pipeloom_api
USING (
    user_id = (SELECT current_user_id())
    OR team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
    OR role <> 'owner' AND team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
);

CREATE POLICY pipelines_select ON pipelines FOR SELECT TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids())::uuid[]));

CREATE POLICY pipelines_delete ON pipelines FOR DELETE TO pipeloom_api
USING (
    team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
    OR created_by = (SELECT current_user_id())
        AND team_id = ANY ((SELECT my_team_ids('member'))::uuid[])
);

-- Who sees a pipeline sees what is in it: the subqueries obey pipelines_select.
CREATE POLICY steps_select ON steps FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY connections_select ON connections FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY pipeline_diagnostics_select ON pipeline_diagnostics FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY pipeline_documents_select ON pipeline_documents FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY pipeline_updates_select ON pipeline_updates FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY pipeline_states_select ON pipeline_states FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY projection_cursors_select ON projection_cursors FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY pipeline_versions_select ON pipeline_versions FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY presence_select ON presence FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY comments_select ON comments FOR SELECT TO pipeloom_api
USING (EXISTS (SELECT FROM pipelines AS p WHERE p.id = pipeline_id));

CREATE POLICY comments_insert ON comments FOR INSERT TO pipeloom_api
WITH CHECK (
    user_id = (SELECT current_user_id())
    AND EXISTS (
        SELECT FROM pipelines AS p
        WHERE p.id = pipeline_id AND p.team_id = ANY ((SELECT my_team_ids('member'))::uuid[])
    )
);

CREATE POLICY comments_update ON comments FOR UPDATE TO pipeloom_api
USING (
    EXISTS (
        SELECT FROM pipelines AS p
        WHERE p.id = pipeline_id AND p.team_id = ANY ((SELECT my_team_ids('member'))::uuid[])
    )
);

CREATE POLICY comments_delete ON comments FOR DELETE TO pipeloom_api
USING (
    EXISTS (
        SELECT FROM pipelines AS p
        WHERE p.id = pipeline_id
            AND (
                p.team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
                OR user_id = (SELECT current_user_id())
                    AND p.team_id = ANY ((SELECT my_team_ids('member'))::uuid[])
            )
    )
);

CREATE POLICY pipeline_templates_select ON pipeline_templates FOR SELECT TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids())::uuid[]));

CREATE POLICY pipeline_templates_insert ON pipeline_templates FOR INSERT TO pipeloom_api
WITH CHECK (
    created_by = (SELECT current_user_id())
    AND team_id = ANY ((SELECT my_team_ids('member'))::uuid[])
    AND (
        source_pipeline_id IS NULL
        OR EXISTS (SELECT FROM pipelines AS p WHERE p.id = source_pipeline_id)
    )
);

CREATE POLICY pipeline_templates_update ON pipeline_templates FOR UPDATE TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids('member'))::uuid[]));

CREATE POLICY pipeline_templates_delete ON pipeline_templates FOR DELETE TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids('admin'))::uuid[]));

GRANT SELECT (id, email, name, avatar_url, created_at, updated_at) ON users TO pipeloom_api;
GRANT SELECT, UPDATE (name, avatar_url, preferences) ON my_user TO pipeloom_api;
GRANT SELECT, UPDATE (name, slug, settings) ON organizations TO pipeloom_api;
GRANT SELECT, UPDATE (name, slug, settings), DELETE ON teams TO pipeloom_api;
GRANT SELECT, INSERT (team_id, user_id, role), UPDATE (role), DELETE ON team_members
TO pipeloom_api;
GRANT SELECT, DELETE ON pipelines TO pipeloom_api;
GRANT SELECT
ON steps, connections, pipeline_diagnostics, pipeline_stats, pipeline_documents, pipeline_updates,
    pipeline_states, projection_cursors, pipeline_versions, presence
TO pipeloom_api;
GRANT SELECT,
    INSERT (
        id, team_id, created_by, source_pipeline_id, name, description, category, icon,
        pipeline_config, default_values
    ),
    UPDATE (name, description, category, icon, pipeline_config, default_values),
    DELETE
ON pipeline_templates TO pipeloom_api;
GRANT SELECT,
    INSERT (id, pipeline_id, step_id, parent_id, user_id, content),
    UPDATE (content, resolved),
    DELETE
ON comments TO pipeloom_api;

REVOKE ALL
ON FUNCTION my_team_ids, my_organization_ids, my_fellow_ids, lock_projections,
    create_organization, create_team, count_template_use
FROM PUBLIC;
GRANT EXECUTE
ON FUNCTION my_team_ids, my_organization_ids, my_fellow_ids, lock_projections,
    create_organization, create_team, count_template_use
TO pipeloom_api;
