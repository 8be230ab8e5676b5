-- The sum of the migrations, for reading; tests/persistence/postgres/test_migrations.py keeps them equal.
-- `pipeloom migrate` builds a database from sql/migrations/, which also records what it applied.

-- Ends of foreign keys, names and unique edges are checked at commit (DEFERRABLE INITIALLY
-- DEFERRED): a projection writes any set of rows, in any order, that is valid as a whole.

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL,
    name text NOT NULL,
    avatar_url text,
    preferences jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Somebody typed the address and nobody has proved it: it opens nothing.
    email_unproven boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- The author of what the server writes by itself: repairs of documents. Nobody signs in as this user.
INSERT INTO users (id, email, name)
VALUES ('00000000-0000-4000-8000-000000000001', 'system@pipeloom.invalid', 'system');

CREATE TABLE organizations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL UNIQUE,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- `purged_at` is when the worker began to delete the team for good: from then on nobody can bring it
-- back.
CREATE TABLE teams (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name text NOT NULL,
    slug text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    deleted_by uuid REFERENCES users ON DELETE SET NULL,
    purged_at timestamptz
);

-- The slug of a deleted team may be taken; then the team cannot come back before one has another slug.
CREATE UNIQUE INDEX teams_organization_id_slug_key ON teams (organization_id, slug)
WHERE deleted_at IS NULL;
CREATE INDEX idx_teams_deleted ON teams (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX idx_teams_deleted_by ON teams (deleted_by) WHERE deleted_by IS NOT NULL;
CREATE INDEX idx_teams_purged ON teams (purged_at) WHERE purged_at IS NOT NULL;

CREATE TABLE team_members (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    -- It came from a group of the identity provider, and goes with the group.
    from_groups boolean NOT NULL DEFAULT false,
    PRIMARY KEY (team_id, user_id)
);

CREATE INDEX idx_team_members_user ON team_members (user_id);

-- Who a subject of an issuer is here. `claims_at` is when the newest token was issued whose claims were
-- taken over: an older one brings back neither an address nor a group.
CREATE TABLE user_identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    claims_at timestamptz NOT NULL DEFAULT '-infinity',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX idx_user_identities_user ON user_identities (user_id);

-- Anybody may write a tag of any length, and a GIN entry holds about 2,700 bytes: the index keeps
-- the first 500 characters. Query with: tag_keys(tags) @> tag_keys($1) AND tags @> $1.
CREATE FUNCTION tag_keys(tags text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce(array_agg(left(tag, 500)), '{}') FROM unnest(tags) AS tag $$;

CREATE TABLE pipelines (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    created_by uuid REFERENCES users ON DELETE SET NULL,
    name text NOT NULL,
    description text,
    yaml_version text NOT NULL DEFAULT 'v2',
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'archived')),
    config jsonb NOT NULL DEFAULT '{}',
    defaults jsonb NOT NULL DEFAULT '{}',
    authentication jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    is_template boolean NOT NULL DEFAULT false,
    parent_pipeline_id uuid REFERENCES pipelines ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    deleted_at timestamptz,
    deleted_by uuid REFERENCES users ON DELETE SET NULL
);

CREATE INDEX idx_pipelines_team_status ON pipelines (team_id, status);
CREATE INDEX idx_pipelines_team_updated ON pipelines (team_id, updated_at DESC, id);
CREATE INDEX idx_pipelines_created_by ON pipelines (created_by);
CREATE INDEX idx_pipelines_parent ON pipelines (parent_pipeline_id);
CREATE INDEX idx_pipelines_deleted ON pipelines (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX idx_pipelines_deleted_by ON pipelines (deleted_by) WHERE deleted_by IS NOT NULL;
CREATE INDEX idx_pipelines_tags ON pipelines USING gin (tag_keys(tags));
-- A hash index takes values of any length.
CREATE INDEX idx_pipelines_config_env ON pipelines USING hash ((config ->> 'environment'));

-- Clients choose the ids of steps and connections: an id lives within its pipeline, so that one
-- used in another pipeline neither collides with nor steals a row there.
CREATE TABLE steps (
    id uuid NOT NULL,
    pipeline_id uuid NOT NULL REFERENCES pipelines ON DELETE CASCADE,
    name text NOT NULL,
    type text NOT NULL CHECK (type IN (
        'bash', 'break', 'checkpoint', 'claude', 'claude_batch', 'claude_extract', 'claude_robust',
        'claude_session', 'claude_smart', 'codebase_query', 'continue', 'data_transform',
        'file_ops', 'for_loop', 'gemini', 'gemini_instructor', 'parallel_claude', 'pipeline',
        'set_variable', 'switch', 'test_echo', 'unsupported', 'while_loop'
    )),
    declared_type text CHECK (declared_type IS NULL OR type = 'unsupported'),
    enabled boolean NOT NULL DEFAULT true,
    config jsonb NOT NULL DEFAULT '{}',
    position_x double precision NOT NULL DEFAULT 0,
    position_y double precision NOT NULL DEFAULT 0,
    width double precision NOT NULL DEFAULT 200,
    height double precision NOT NULL DEFAULT 100,
    parent_step_id uuid CHECK (parent_step_id <> id),
    slot text NOT NULL DEFAULT 'steps',
    order_index integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, id),
    FOREIGN KEY (pipeline_id, parent_step_id) REFERENCES steps (pipeline_id, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT steps_name_in_scope_key
        UNIQUE NULLS NOT DISTINCT (pipeline_id, parent_step_id, slot, name)
        DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX idx_steps_order ON steps (pipeline_id, order_index);
CREATE INDEX idx_steps_type_enabled ON steps (type) WHERE enabled;

CREATE TABLE connections (
    id uuid NOT NULL,
    pipeline_id uuid NOT NULL REFERENCES pipelines ON DELETE CASCADE,
    from_step_id uuid NOT NULL,
    to_step_id uuid NOT NULL,
    from_output text NOT NULL DEFAULT 'output',
    to_input text NOT NULL DEFAULT 'input',
    path_data jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, id),
    FOREIGN KEY (pipeline_id, from_step_id) REFERENCES steps (pipeline_id, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (pipeline_id, to_step_id) REFERENCES steps (pipeline_id, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT connections_edge_key
        UNIQUE (pipeline_id, from_step_id, to_step_id, from_output, to_input)
        DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX idx_connections_to ON connections (pipeline_id, to_step_id);

-- Only append_updates, lock_documents and the creation of a pipeline may lock rows of
-- pipeline_documents: an append never waits for a projection. Workers lock projection_cursors.
-- While `reserved_until` is to come, only the edit `reserved_by` is decided; see lock_documents.
-- `log_bytes` is how large the updates were that were appended.
CREATE TABLE pipeline_documents (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    head_seq bigint NOT NULL DEFAULT 0,
    reserved_by uuid,
    reserved_until timestamptz,
    log_bytes bigint NOT NULL DEFAULT 0
);

-- user_id has no index, for the sake of append: deleting a user reads the whole log. A folded row is
-- the merge of the updates `first_seq` to `seq`, the first of which came at `first_received_at`; both
-- are NULL for one update.
CREATE TABLE pipeline_updates (
    pipeline_id uuid NOT NULL REFERENCES pipeline_documents ON DELETE CASCADE,
    seq bigint NOT NULL,
    user_id uuid REFERENCES users ON DELETE SET NULL,
    payload bytea NOT NULL,
    received_at timestamptz NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_seq bigint,
    first_received_at timestamptz,
    PRIMARY KEY (pipeline_id, seq)
);

-- `waiting` is what `state` cannot hold: updates that came before those they build on. `noticed` is
-- what the worker has noticed in the updates up to `seq`, in a form of its own.
CREATE TABLE pipeline_states (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    seq bigint NOT NULL,
    state bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    waiting bytea[] NOT NULL DEFAULT '{}',
    noticed bytea NOT NULL DEFAULT '',
    slices bytea NOT NULL DEFAULT ''
);

-- `unsaved_since` is when the first update was received that no version holds; NULL if there is
-- none; `mend_at` is when the document is to be mended, NULL if there is no need. Both change
-- rarely, so that moving a cursor touches no index. Steps that were edited while they were deleted,
-- by updates up to `reported_seq`, are reported. The log is folded as far as it can be up to
-- `folded_seq`, which has made its updates smaller by `folded_bytes`.
CREATE TABLE projection_cursors (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    seq bigint NOT NULL DEFAULT 0,
    projected_at timestamptz NOT NULL DEFAULT now(),
    unsaved_since timestamptz,
    mend_at timestamptz,
    reported_seq bigint NOT NULL DEFAULT 0,
    folded_seq bigint NOT NULL DEFAULT 0,
    folded_bytes bigint NOT NULL DEFAULT 0
);

CREATE INDEX idx_cursors_unsaved ON projection_cursors (unsaved_since)
WHERE unsaved_since IS NOT NULL;

CREATE INDEX idx_cursors_mend ON projection_cursors (mend_at)
WHERE mend_at IS NOT NULL;

CREATE TABLE pipeline_diagnostics (
    pipeline_id uuid NOT NULL REFERENCES pipelines ON DELETE CASCADE,
    code text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('error', 'warning')),
    message text NOT NULL,
    path text NOT NULL DEFAULT '',
    suggestion text NOT NULL DEFAULT '',
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, code, subject)
);

-- Its plan is kept: made anew for each call, since PostgreSQL cannot know that the arrays are always
-- short, it takes a third of what an append takes.
CREATE FUNCTION append_updates(
    pipeline_ids uuid[], user_ids uuid[], payloads bytea[], received timestamptz[]
) RETURNS SETOF bigint
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
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
    bytes bigint NOT NULL DEFAULT 0,
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

-- The teams in which the user has at least this role. That those are not among them which were deleted
-- hides everything in these: all policies go by this function.
CREATE FUNCTION my_team_ids(lowest text DEFAULT 'viewer') RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT coalesce(array_agg(m.team_id), '{}')
    FROM team_members AS m
    JOIN teams AS t ON t.id = m.team_id AND t.deleted_at IS NULL
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

-- Whether somebody is in a team that the user owns, of the same organization as this one.
CREATE FUNCTION is_my_colleague(team uuid, person uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM teams AS here
        JOIN teams AS there ON there.organization_id = here.organization_id
        JOIN team_members AS m ON m.team_id = there.id
        WHERE here.id = team AND m.user_id = person AND there.id = ANY (my_team_ids('owner'))
    )
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

-- A team of an organization, with the user as its owner. Owners of any team rule the organization, so
-- only they make further ones.
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
    IF NOT organization = ANY (my_organization_ids('owner')) THEN
        RAISE insufficient_privilege USING
            MESSAGE = 'expected an owner of a team of this organization';
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

-- Admins neither make owners nor touch them. Only colleagues are added; everybody else is invited.
CREATE POLICY team_members_insert ON team_members FOR INSERT TO pipeloom_api
WITH CHECK (
    (
        team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
        OR role <> 'owner' AND team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
    )
    AND is_my_colleague(team_id, user_id)
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
USING (deleted_at IS NULL AND team_id = ANY ((SELECT my_team_ids())::uuid[]));

CREATE POLICY pipelines_delete ON pipelines FOR DELETE TO pipeloom_api
USING (
    team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
    OR created_by = (SELECT current_user_id())
        AND team_id = ANY ((SELECT my_team_ids('member'))::uuid[])
);

-- Who sees a pipeline sees what is in it: the subqueries obey pipelines_select, which hides those
-- that were deleted.
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
ON FUNCTION my_team_ids, my_organization_ids, my_fellow_ids, is_my_colleague, lock_projections,
    create_organization, create_team, count_template_use
FROM PUBLIC;
GRANT EXECUTE
ON FUNCTION my_team_ids, my_organization_ids, my_fellow_ids, is_my_colleague, lock_projections,
    create_organization, create_team, count_template_use
TO pipeloom_api;

-- Search by name, description, tags and the text of steps: one entry per pipeline, beside it.

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
-- text yields a word that begins with a colon; search_pipelines would not trust one anyway.
CREATE FUNCTION header_words(team uuid, name text, description text, tags text[]) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT array_to_tsvector(ARRAY[':' || team]) || strip(
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
            FROM (SELECT words_sought(left(words, 500)) AS query) AS w
            CROSS JOIN (
                SELECT string_agg(format(''':%s''', team), '|')::tsquery AS query
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

ALTER TABLE pipeline_search ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON FUNCTION search_pipelines FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_pipelines TO pipeloom_api;

-- What stands in the address of a stream of events in place of a token: good once, for half a minute.

-- Only the hash of a ticket is kept. Nothing is lost when a crash empties the table: clients get
-- another ticket. There are no foreign keys, since what a row refers to is looked up when it is used.
CREATE UNLOGGED TABLE event_tickets (
    digest bytea PRIMARY KEY,
    user_id uuid NOT NULL,
    pipeline_id uuid NOT NULL,
    token_expires_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX idx_event_tickets_expires ON event_tickets (expires_at);

ALTER TABLE event_tickets ENABLE ROW LEVEL SECURITY;

-- A deleted pipeline is kept for a while, with who deleted it, so that it can be brought back.

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

-- The audit log: who changed what that is in no document, when and from where, and what it was before
-- and after. Triggers write it, so that SQL by hand is recorded, too.

-- There are no foreign keys: an entry outlives what it speaks of. `actor_id` is NULL unless a user
-- did it. `address` is that of the user's client, or `command`, `worker`, `server` or `database` (SQL
-- by hand). `subject_id` is what was changed; of a membership it is the user.
CREATE TABLE audit_log (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    organization_id uuid NOT NULL,
    team_id uuid,
    actor_id uuid,
    address text NOT NULL,
    action text NOT NULL CHECK (action IN (
        'comment.deleted', 'invitation.created', 'invitation.withdrawn', 'member.added',
        'member.removed', 'member.role_changed', 'organization.changed', 'organization.created',
        'organization.deleted', 'pipeline.created', 'pipeline.deleted', 'pipeline.moved',
        'pipeline.purged', 'pipeline.restored', 'team.changed', 'team.created', 'team.deleted',
        'team.purged', 'team.restored', 'template.changed', 'template.created', 'template.deleted'
    )),
    subject_id uuid NOT NULL,
    before jsonb,
    after jsonb
);

CREATE INDEX idx_audit_team ON audit_log (team_id, id);
CREATE INDEX idx_audit_organization ON audit_log (organization_id, id);
CREATE INDEX idx_audit_at ON audit_log (at);
CREATE INDEX idx_audit_invitations ON audit_log (actor_id, at) WHERE action = 'invitation.created';
CREATE INDEX idx_audit_actor ON audit_log (actor_id, at) WHERE actor_id IS NOT NULL;
CREATE INDEX idx_audit_purged_teams ON audit_log (organization_id, id) WHERE action = 'team.purged';
CREATE INDEX idx_audit_owners ON audit_log USING gin ((before -> 'owners')) WHERE action = 'team.purged';

-- Where a change comes from: what the transaction says, else which program is connected.
CREATE FUNCTION audit_address() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT coalesce(nullif(current_setting('app.address', true), ''), (
        CASE current_setting('application_name')
            WHEN 'pipeloom' THEN 'server'
            WHEN 'pipeloom command' THEN 'command'
            WHEN 'pipeloom worker' THEN 'worker'
            ELSE 'database'
        END
    ))
$$;

-- A row as the audit log keeps it: without what is a document's and what may be secret, texts cut,
-- and in place of other large values their size and digest. NULL for none. Those who owned a purged
-- team are kept whole: they may read the log.
CREATE FUNCTION audit_image(image jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT jsonb_object_agg(field.key, CASE
        WHEN jsonb_typeof(field.value) = 'string' THEN
            CASE WHEN length(field.value #>> '{}') > 500
                THEN to_jsonb(left(field.value #>> '{}', 500) || '…')
                ELSE field.value
            END
        WHEN octet_length(field.value::text) > 2000 AND field.key <> 'owners' THEN jsonb_build_object(
            'bytes', octet_length(field.value::text),
            'sha256', encode(sha256(convert_to(field.value::text, 'UTF8')), 'hex')
        )
        ELSE field.value
    END)
    FROM jsonb_each(image) AS field
    WHERE field.key <> ALL ('{config,defaults,authentication}')
$$;

-- Raise PL429 if the user has made as many changes within an hour as the transaction says, with the
-- seconds until that will be one less as its detail. Of one transaction, which may be of many entries,
-- this is asked once.
CREATE FUNCTION require_pause_between_changes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    most integer := nullif(current_setting('app.most_changes', true), '');
    made integer;
    first timestamptz;
BEGIN
    IF most IS NULL OR current_user_id() IS NULL
        OR current_setting('app.changes_counted', true) = 'on' THEN
        RETURN;
    END IF;
    SELECT count(*), min(counted.at) INTO made, first
    FROM (
        SELECT a.at
        FROM audit_log AS a
        WHERE a.actor_id = current_user_id() AND a.at > now() - interval '1 hour'
        ORDER BY a.at DESC
        LIMIT most
    ) AS counted;
    IF made >= most THEN
        RAISE 'too many changes' USING
            ERRCODE = 'PL429',
            DETAIL = ceil(extract(epoch FROM first + interval '1 hour' - now()));
    END IF;
    PERFORM set_config('app.changes_counted', 'on', true);
END
$$;

-- Restoring is never too much: it takes a deletion before.
CREATE FUNCTION record_action(
    organization uuid, team uuid, action text, subject uuid, before jsonb, after jsonb
) RETURNS void
LANGUAGE sql
AS $$
    SELECT require_pause_between_changes() WHERE action NOT LIKE '%.restored';
    INSERT INTO audit_log (
        organization_id, team_id, actor_id, address, action, subject_id, before, after
    )
    VALUES (
        organization, team, current_user_id(), audit_address(), action, subject,
        audit_image(before), audit_image(after)
    )
$$;

-- Called with what the table's rows are, and what inserting, updating and deleting one is called.
CREATE FUNCTION record_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    changed jsonb := coalesce(after, before);
    verb text := CASE
        WHEN TG_OP = 'INSERT' THEN TG_ARGV[1]
        WHEN TG_OP = 'DELETE' THEN TG_ARGV[3]
        WHEN before ->> 'deleted_at' IS NULL AND after ->> 'deleted_at' IS NOT NULL THEN 'deleted'
        WHEN before ->> 'deleted_at' IS NOT NULL AND after ->> 'deleted_at' IS NULL THEN 'restored'
        WHEN TG_ARGV[2] <> 'moved' OR before ->> 'team_id' <> after ->> 'team_id' THEN TG_ARGV[2]
    END;
    subject uuid := CASE TG_ARGV[0] WHEN 'member' THEN changed ->> 'user_id' ELSE changed ->> 'id' END;
    organization uuid;
    team uuid;
BEGIN
    IF verb IS NULL OR before = after THEN
        RETURN NULL;
    END IF;
    IF TG_ARGV[0] = 'organization' THEN
        PERFORM record_action(subject, NULL, 'organization.' || verb, subject, before, after);
        RETURN NULL;
    END IF;
    -- Both teams of a pipeline that moves have it in their logs. What is deleted together with its
    -- pipeline or team finds none: the log has the pipeline or the team instead.
    FOR organization, team IN
        SELECT t.organization_id, t.id
        FROM teams AS t
        WHERE t.id = ANY (CASE TG_ARGV[0]
            WHEN 'team' THEN ARRAY[subject]
            WHEN 'comment' THEN ARRAY(
                SELECT p.team_id FROM pipelines AS p WHERE p.id = (changed ->> 'pipeline_id')::uuid
            )
            ELSE ARRAY[(before ->> 'team_id')::uuid, (after ->> 'team_id')::uuid]
        END)
        ORDER BY t.id
    LOOP
        PERFORM record_action(
            organization, team, TG_ARGV[0] || '.' || verb, subject, before, after
        );
    END LOOP;
    RETURN NULL;
END
$$;

-- Before the team is deleted with what is in it: afterwards nobody could say what that was, and who
-- owned it.
CREATE FUNCTION record_purged_team() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    owners jsonb := (
        SELECT coalesce(jsonb_agg(m.user_id ORDER BY m.user_id), '[]')
        FROM team_members AS m
        WHERE m.team_id = OLD.id AND m.role = 'owner'
    );
BEGIN
    PERFORM record_action(
        OLD.organization_id, OLD.id, 'pipeline.purged', p.id, to_jsonb(p), NULL
    )
    FROM pipelines AS p
    WHERE p.team_id = OLD.id
    ORDER BY p.id;
    PERFORM record_action(
        OLD.organization_id, OLD.id, 'team.purged', OLD.id,
        to_jsonb(OLD) || jsonb_build_object('owners', owners), NULL
    );
    RETURN OLD;
END
$$;

CREATE TRIGGER record_organization
AFTER INSERT OR DELETE OR UPDATE OF name, slug, settings ON organizations
FOR EACH ROW EXECUTE FUNCTION record_change('organization', 'created', 'changed', 'deleted');

CREATE TRIGGER record_team
AFTER INSERT OR UPDATE OF organization_id, name, slug, settings, deleted_at ON teams
FOR EACH ROW EXECUTE FUNCTION record_change('team', 'created', 'changed');

CREATE TRIGGER record_purged_team
BEFORE DELETE ON teams
FOR EACH ROW EXECUTE FUNCTION record_purged_team();

CREATE TRIGGER record_member
AFTER INSERT OR DELETE ON team_members
FOR EACH ROW EXECUTE FUNCTION record_change('member', 'added', 'role_changed', 'removed');

CREATE TRIGGER record_role
AFTER UPDATE OF role ON team_members
FOR EACH ROW WHEN (OLD.role <> NEW.role)
EXECUTE FUNCTION record_change('member', 'added', 'role_changed', 'removed');

-- What is in a document is in its log, under the name of its author.
CREATE TRIGGER record_pipeline
AFTER INSERT OR DELETE OR UPDATE OF team_id, deleted_at ON pipelines
FOR EACH ROW EXECUTE FUNCTION record_change('pipeline', 'created', 'moved', 'purged');

CREATE TRIGGER record_template
AFTER INSERT OR DELETE
    OR UPDATE OF name, description, category, icon, pipeline_config, default_values
ON pipeline_templates
FOR EACH ROW EXECUTE FUNCTION record_change('template', 'created', 'changed', 'deleted');

CREATE TRIGGER record_comment
AFTER DELETE ON comments
FOR EACH ROW WHEN (OLD.user_id IS DISTINCT FROM current_user_id())
EXECUTE FUNCTION record_change('comment', '', '', 'deleted');

-- Entries only come, and go when their time is over.
CREATE FUNCTION keep_audit_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('app.audit_expires', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE insufficient_privilege USING
        MESSAGE = 'the audit log is not changed: the worker deletes what is older than '
            'PIPELOOM_AUDIT_DAYS';
END
$$;

CREATE TRIGGER keep_audit_log
BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_log();

-- Delete at most so many entries that are older than so many seconds; returns how many.
CREATE FUNCTION expire_audit_log(age double precision, most integer) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    expired integer;
BEGIN
    PERFORM set_config('app.audit_expires', 'on', true);
    DELETE FROM audit_log AS a WHERE a.id IN (
        SELECT e.id FROM audit_log AS e
        WHERE e.at < now() - make_interval(secs => age)
        ORDER BY e.at
        LIMIT most
        FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS expired = ROW_COUNT;
    PERFORM set_config('app.audit_expires', '', true);
    RETURN expired;
END
$$;

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;

-- The organizations that have no team any more, and of which the user owned the last one that was purged.
CREATE FUNCTION my_former_organization_ids() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT coalesce(array_agg(a.organization_id), '{}')
    FROM audit_log AS a
    WHERE a.action = 'team.purged' AND a.before -> 'owners' ? current_user_id()::text
        AND NOT EXISTS (SELECT FROM teams AS t WHERE t.organization_id = a.organization_id)
        AND NOT EXISTS (
            SELECT FROM audit_log AS later
            WHERE later.organization_id = a.organization_id AND later.action = 'team.purged'
                AND later.id > a.id
        )
$$;

CREATE POLICY audit_log_select ON audit_log FOR SELECT TO pipeloom_api
USING (
    team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
    OR organization_id = ANY ((SELECT my_organization_ids('owner'))::uuid[])
    OR organization_id = ANY ((SELECT my_former_organization_ids())::uuid[])
);

REVOKE ALL ON FUNCTION require_pause_between_changes, my_former_organization_ids FROM PUBLIC;
GRANT EXECUTE ON FUNCTION my_former_organization_ids TO pipeloom_api;

GRANT SELECT ON audit_log TO pipeloom_api;

-- Nobody is put into a team: whoever is invited accepts. An invitation is addressed as the inviter gave
-- it, by address or by id, and refers to no user: whether there is one must show nowhere.

CREATE TABLE invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id uuid NOT NULL,
    email text CHECK (email = lower(email)),
    user_id uuid,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    invited_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'withdrawn')),
    -- For the invited it is gone then; for the team it stays open, or it would show who exists.
    declined_at timestamptz,
    CONSTRAINT invitations_one_address CHECK (num_nonnulls(email, user_id) = 1),
    -- An invitation ends with the membership of who invited.
    FOREIGN KEY (team_id, invited_by) REFERENCES team_members ON DELETE CASCADE
);

CREATE UNIQUE INDEX invitations_invited_once
ON invitations (team_id, (coalesce(email, user_id::text)));
CREATE INDEX idx_invitations_email ON invitations (email);
CREATE INDEX idx_invitations_user ON invitations (user_id);
CREATE INDEX idx_invitations_inviter ON invitations (invited_by, created_at);
CREATE INDEX idx_invitations_expires ON invitations (expires_at);

-- What the user is invited to, but for deleted teams. It looks past the policies that hide the teams of
-- others.
CREATE VIEW my_invitations WITH (security_barrier = true) AS
SELECT
    i.id, i.team_id, t.name AS team_name, o.name AS organization_name, i.role, i.created_at,
    i.expires_at, u.id AS inviter_id, u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitations AS i
JOIN teams AS t ON t.id = i.team_id AND t.deleted_at IS NULL
JOIN organizations AS o ON o.id = t.organization_id
JOIN users AS u ON u.id = i.invited_by
WHERE i.state = 'open' AND i.expires_at > now() AND i.declined_at IS NULL
    AND (
        i.user_id = (SELECT current_user_id())
        OR i.email = (
            SELECT lower(me.email) FROM users AS me
            WHERE me.id = current_user_id() AND NOT me.email_unproven
        )
    )
    AND NOT EXISTS (
        SELECT FROM team_members AS m
        WHERE m.team_id = i.team_id AND m.user_id = current_user_id()
    );

-- Invites somebody, or renews the invitation; NULL if the user may not do so, or not change the one that
-- an owner has given. It does the same work whoever exists. Who has declined is left alone for as long
-- as an invitation lasts. Some of those that have expired are deleted by the way.
CREATE FUNCTION invite(team uuid, address text, person uuid, team_role text, valid_for interval)
RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM invitations WHERE id IN (
        SELECT i.id FROM invitations AS i
        WHERE i.expires_at < now()
        ORDER BY i.expires_at
        LIMIT 20
        FOR UPDATE SKIP LOCKED
    );
    INSERT INTO invitations AS i (team_id, email, user_id, role, invited_by, expires_at)
    SELECT team, lower(address), person, team_role, current_user_id(), now() + valid_for
    WHERE team = ANY (my_team_ids(CASE team_role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    ON CONFLICT (team_id, (coalesce(email, user_id::text))) DO UPDATE
    SET role = excluded.role, invited_by = excluded.invited_by, created_at = now(),
        expires_at = excluded.expires_at, state = 'open',
        declined_at = CASE WHEN i.declined_at > now() - valid_for THEN i.declined_at END
    WHERE i.role <> 'owner' OR i.state <> 'open' OR i.expires_at <= now()
        OR i.team_id = ANY (my_team_ids('owner'))
    RETURNING i.id
$$;

-- How many invitations the user has given within an hour, and when the first of these. Renewing one counts:
-- its row is one, but the audit log has each.
CREATE FUNCTION my_invitations_of_last_hour() RETURNS TABLE (given bigint, first timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT count(*), min(a.at)
    FROM audit_log AS a
    WHERE a.action = 'invitation.created' AND a.actor_id = current_user_id()
        AND a.at > now() - interval '1 hour'
$$;

-- NULL if there is no such open invitation to a team of the user's, or the user may not withdraw it.
CREATE FUNCTION withdraw_invitation(invitation uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE invitations AS i
    SET state = 'withdrawn'
    WHERE i.id = invitation AND i.state = 'open'
        AND i.team_id = ANY (my_team_ids(CASE i.role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    RETURNING i.id
$$;

-- Makes the user a member; the team's id, or NULL if the user has no such invitation.
CREATE FUNCTION accept_invitation(invitation uuid) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    chosen my_invitations;
BEGIN
    -- Locked first: of one who accepts and one who withdraws at once, the second sees what the first did.
    PERFORM FROM invitations AS i WHERE i.id = invitation FOR UPDATE;
    SELECT m.* INTO chosen FROM my_invitations AS m WHERE m.id = invitation;
    INSERT INTO team_members (team_id, user_id, role)
    SELECT chosen.team_id, current_user_id(), chosen.role WHERE chosen.id IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN chosen.team_id;
END
$$;

-- NULL if the user has no such invitation.
CREATE FUNCTION decline_invitation(invitation uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE invitations AS i
    SET declined_at = now()
    WHERE i.id = (SELECT m.id FROM my_invitations AS m WHERE m.id = invitation)
    RETURNING i.id
$$;

-- Who has become a member, in whichever way, is not invited any more.
CREATE FUNCTION close_invitations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE invitations AS i
    SET state = 'accepted'
    WHERE i.team_id = NEW.team_id AND i.state = 'open' AND (
        i.user_id = NEW.user_id
        OR i.email = (
            SELECT lower(u.email) FROM users AS u WHERE u.id = NEW.user_id AND NOT u.email_unproven
        )
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER close_invitations
AFTER INSERT ON team_members
FOR EACH ROW EXECUTE FUNCTION close_invitations();

-- An invitation ends, too, with the right of who invited to give such a role.
CREATE FUNCTION end_invitations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM invitations AS i
    WHERE i.team_id = NEW.team_id AND i.invited_by = NEW.user_id
        AND (NEW.role <> 'admin' OR i.role = 'owner');
    DELETE FROM invitation_links AS l
    WHERE l.team_id = NEW.team_id AND l.invited_by = NEW.user_id
        AND (NEW.role <> 'admin' OR l.role = 'owner');
    RETURN NULL;
END
$$;

CREATE TRIGGER end_invitations
AFTER UPDATE OF role ON team_members
FOR EACH ROW WHEN (OLD.role IN ('owner', 'admin') AND NEW.role <> 'owner')
EXECUTE FUNCTION end_invitations();

-- Renewing one is inviting again. Who has accepted is recorded as a new member; who has declined is not.
CREATE FUNCTION record_invitation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM record_action(
        t.organization_id, t.id,
        CASE NEW.state WHEN 'open' THEN 'invitation.created' ELSE 'invitation.withdrawn' END, NEW.id,
        CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) - 'declined_at' END,
        to_jsonb(NEW) - 'declined_at'
    )
    FROM teams AS t
    WHERE t.id = NEW.team_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER record_invitation
AFTER INSERT ON invitations
FOR EACH ROW EXECUTE FUNCTION record_invitation();

CREATE TRIGGER record_changed_invitation
AFTER UPDATE OF created_at, state ON invitations
FOR EACH ROW WHEN (NEW.state <> 'accepted' AND (OLD.created_at, OLD.state) <> (NEW.created_at, NEW.state))
EXECUTE FUNCTION record_invitation();

ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;

CREATE POLICY invitations_select ON invitations FOR SELECT TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids('admin'))::uuid[]));

-- Not declined_at: nobody of the team may see that an address has declined.
GRANT SELECT (id, team_id, email, user_id, role, invited_by, created_at, expires_at, state)
ON invitations TO pipeloom_api;
GRANT SELECT ON my_invitations TO pipeloom_api;
REVOKE ALL ON FUNCTION my_invitations_of_last_hour FROM PUBLIC;
GRANT EXECUTE ON FUNCTION my_invitations_of_last_hour TO pipeloom_api;
REVOKE ALL ON FUNCTION invite, withdraw_invitation, accept_invitation, decline_invitation FROM PUBLIC;
GRANT EXECUTE ON FUNCTION invite, withdraw_invitation, accept_invitation, decline_invitation
TO pipeloom_api;

-- Links by which anybody becomes a member who has one. `digest` is of the secret in the link.
CREATE TABLE invitation_links (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id uuid NOT NULL,
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    invited_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    max_uses integer NOT NULL CHECK (max_uses > 0),
    uses integer NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND max_uses),
    revoked_at timestamptz,
    -- A link ends with the membership of who made it.
    FOREIGN KEY (team_id, invited_by) REFERENCES team_members ON DELETE CASCADE
);

CREATE INDEX idx_invitation_links_team ON invitation_links (team_id, invited_by);
CREATE INDEX idx_invitation_links_expires ON invitation_links (expires_at);

-- Makes a link whose secret has this digest; NULL if the user may not. Some of those that have expired
-- are deleted by the way.
CREATE FUNCTION create_invitation_link(
    team uuid, secret bytea, team_role text, valid_for interval, most_uses integer
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM invitation_links WHERE id IN (
        SELECT l.id FROM invitation_links AS l
        WHERE l.expires_at < now()
        ORDER BY l.expires_at
        LIMIT 20
        FOR UPDATE SKIP LOCKED
    );
    INSERT INTO invitation_links AS l (team_id, digest, role, invited_by, expires_at, max_uses)
    SELECT team, secret, team_role, current_user_id(), now() + valid_for, most_uses
    WHERE team = ANY (my_team_ids(CASE team_role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    RETURNING l.id
$$;

-- NULL if there is no such link to a team of the user's, or the user may not revoke it.
CREATE FUNCTION revoke_invitation_link(link uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE invitation_links AS l
    SET revoked_at = now()
    WHERE l.id = link AND l.revoked_at IS NULL
        AND l.team_id = ANY (my_team_ids(CASE l.role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    RETURNING l.id
$$;

-- Makes somebody a member of the team of a link; the team's id, or NULL if the link is not good any more.
-- Who is a member already uses nothing up.
CREATE FUNCTION use_invitation_link(secret bytea, person uuid) RETURNS uuid
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    link invitation_links;
BEGIN
    -- Locked: of two who take the last use at once, the second finds none.
    SELECT l.* INTO link
    FROM invitation_links AS l
    JOIN teams AS t ON t.id = l.team_id
    WHERE l.digest = secret AND l.revoked_at IS NULL AND l.expires_at > now()
        AND t.deleted_at IS NULL
    FOR UPDATE OF l;
    IF EXISTS (
        SELECT FROM team_members AS m WHERE m.team_id = link.team_id AND m.user_id = person
    ) THEN
        RETURN link.team_id;
    END IF;
    IF link.id IS NULL OR link.uses >= link.max_uses THEN
        RETURN NULL;
    END IF;
    UPDATE invitation_links AS l SET uses = l.uses + 1 WHERE l.id = link.id;
    INSERT INTO team_members (team_id, user_id, role) VALUES (link.team_id, person, link.role)
    ON CONFLICT DO NOTHING;
    RETURN link.team_id;
END
$$;

CREATE FUNCTION accept_invitation_link(secret bytea) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT use_invitation_link(secret, current_user_id()) $$;

-- As of invitations to an address; the secret's digest is in no log.
CREATE FUNCTION record_invitation_link() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM record_action(
        t.organization_id, t.id,
        CASE TG_OP WHEN 'INSERT' THEN 'invitation.created' ELSE 'invitation.withdrawn' END, NEW.id,
        CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) - 'digest' END, to_jsonb(NEW) - 'digest'
    )
    FROM teams AS t
    WHERE t.id = NEW.team_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER record_invitation_link
AFTER INSERT OR UPDATE OF revoked_at ON invitation_links
FOR EACH ROW EXECUTE FUNCTION record_invitation_link();

ALTER TABLE user_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitation_links ENABLE ROW LEVEL SECURITY;

CREATE POLICY invitation_links_select ON invitation_links FOR SELECT TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids('admin'))::uuid[]));

GRANT SELECT (id, team_id, role, invited_by, created_at, expires_at, max_uses, uses, revoked_at)
ON invitation_links TO pipeloom_api;
REVOKE ALL ON FUNCTION create_invitation_link, revoke_invitation_link, use_invitation_link,
    accept_invitation_link FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_invitation_link, revoke_invitation_link, accept_invitation_link
TO pipeloom_api;

-- A deleted team is kept for a while with everything in it, as a deleted pipeline is.

-- The deleted teams in which the user is, past the policies that hide them, with who deleted them.
CREATE VIEW deleted_teams WITH (security_barrier = true) AS
SELECT
    t.id, t.organization_id, o.name AS organization_name, t.name, t.slug, m.role, t.deleted_at,
    u.id AS deleter_id, u.name AS deleter_name, u.avatar_url AS deleter_avatar_url,
    (
        SELECT count(*) FROM pipelines AS p WHERE p.team_id = t.id AND p.deleted_at IS NULL
    ) AS pipelines
FROM teams AS t
JOIN organizations AS o ON o.id = t.organization_id
JOIN team_members AS m ON m.team_id = t.id AND m.user_id = current_user_id()
LEFT JOIN users AS u ON u.id = t.deleted_by
WHERE t.deleted_at IS NOT NULL AND t.purged_at IS NULL;

-- NULL if there is no such team, or the user is no owner of it.
CREATE FUNCTION delete_team(team uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE teams AS t
    SET deleted_at = now(), deleted_by = current_user_id()
    WHERE t.id = team AND t.deleted_at IS NULL AND t.id = ANY (my_team_ids('owner'))
    RETURNING t.id
$$;

CREATE FUNCTION restore_team(team uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE teams AS t
    SET deleted_at = NULL, deleted_by = NULL
    WHERE t.id = team AND t.deleted_at IS NOT NULL AND t.purged_at IS NULL
        AND EXISTS (
            SELECT FROM team_members AS m
            WHERE m.team_id = t.id AND m.user_id = current_user_id() AND m.role = 'owner'
        )
    RETURNING t.id
$$;

-- Servers look up the roles of the members, and find that the pipelines are gone.
CREATE FUNCTION announce_hidden_team() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('pipeloom_access', m.user_id::text)
    FROM team_members AS m
    WHERE m.team_id = OLD.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_hidden_team
AFTER UPDATE OF deleted_at ON teams
FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION announce_hidden_team();

-- Pipelines that go with their team and come back with it are named one by one.
CREATE FUNCTION record_pipelines_of_team() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    verb text := CASE WHEN NEW.deleted_at IS NULL THEN 'restored' ELSE 'deleted' END;
BEGIN
    PERFORM record_action(
        NEW.organization_id, NEW.id, 'pipeline.' || verb, p.id,
        to_jsonb(p) || jsonb_build_object('team_deleted_at', OLD.deleted_at),
        to_jsonb(p) || jsonb_build_object('team_deleted_at', NEW.deleted_at)
    )
    FROM pipelines AS p
    WHERE p.team_id = NEW.id AND p.deleted_at IS NULL
    ORDER BY p.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER record_pipelines_of_team
AFTER UPDATE OF deleted_at ON teams
FOR EACH ROW WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))
EXECUTE FUNCTION record_pipelines_of_team();

GRANT SELECT ON deleted_teams TO pipeloom_api;
REVOKE ALL ON FUNCTION delete_team, restore_team FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_team, restore_team TO pipeloom_api;

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

-- What was answered to a POST that has a key of its client's (draft-ietf-httpapi-idempotency-key-header),
-- so that a repetition of it does nothing twice.

-- `claim` names who runs the request, and whoever runs it anew after a crash has another one. What the
-- request creates is noted in the transaction that creates it; the answer follows when it is known.
CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    digest bytea NOT NULL,
    fingerprint bytea NOT NULL,
    claim uuid NOT NULL,
    claimed_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    subject_id uuid,
    status smallint,
    headers jsonb,
    body bytea,
    PRIMARY KEY (user_id, digest)
);

CREATE INDEX idx_idempotency_keys_user ON idempotency_keys (user_id, created_at);
CREATE INDEX idx_idempotency_keys_created ON idempotency_keys (created_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;

-- Note what a request with a key has created; fail if another one runs it by now.
CREATE FUNCTION note_created() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    running uuid := nullif(current_setting('app.idempotency_claim', true), '');
BEGIN
    IF running IS NULL THEN
        RETURN NULL;
    END IF;
    UPDATE idempotency_keys AS k
    SET subject_id = coalesce(k.subject_id, NEW.id)
    WHERE k.user_id = current_user_id() AND k.claim = running;
    IF NOT FOUND THEN
        RAISE 'the request runs elsewhere by now' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_created AFTER INSERT ON pipelines
FOR EACH ROW EXECUTE FUNCTION note_created();

CREATE TRIGGER note_created AFTER INSERT ON organizations
FOR EACH ROW EXECUTE FUNCTION note_created();

CREATE TRIGGER note_created AFTER INSERT ON teams
FOR EACH ROW EXECUTE FUNCTION note_created();

CREATE TRIGGER note_created AFTER INSERT ON comments
FOR EACH ROW EXECUTE FUNCTION note_created();

CREATE TRIGGER note_created AFTER INSERT ON pipeline_templates
FOR EACH ROW EXECUTE FUNCTION note_created();

CREATE TRIGGER note_created AFTER INSERT ON invitations
FOR EACH ROW EXECUTE FUNCTION note_created();

REVOKE ALL ON FUNCTION note_created FROM PUBLIC;

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

-- An organization is seen by whoever is in a team of it, and a deleted team by nobody. `u` are the members of
-- the teams that moved; where there are too many it is missing, which stands for everybody. Members of a team
-- that is made or deleted for good come or go themselves, and are announced as such. The policies hide the
-- members of a deleted team, so they are looked up with the rights of the tables' owner.
CREATE FUNCTION announce_teams() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    ids uuid[];
    moved uuid[];
    members uuid[] := '{}';
    places integer;
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
        SELECT coalesce(array_agg(DISTINCT m.user_id), '{}') INTO members
        FROM team_members AS m
        WHERE m.team_id = ANY (moved);
    ELSE
        SELECT array_agg(DISTINCT c.id) INTO ids FROM changed AS c;
        moved := ids;
    END IF;
    IF ids IS NOT NULL THEN
        places := 190 - cardinality(moved);
        PERFORM pg_notify('pipeloom_shapes', json_strip_nulls(json_build_object(
            't', TG_TABLE_NAME,
            'x', pg_current_xact_id()::xid::text,
            'i', CASE WHEN cardinality(ids) <= places THEN ids END,
            'm', CASE WHEN places >= 0 THEN moved END,
            'u', CASE WHEN cardinality(ids) + cardinality(members) <= places THEN members END
        ))::text);
    END IF;
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

-- Which server has the shapes. There is one row at most, and it is for that server until it expires;
-- whoever has no row to renew takes what has expired. UNLOGGED, since nothing is lost with it: after a
-- crash of PostgreSQL whoever is asked first takes the lease anew.
CREATE UNLOGGED TABLE shape_lease (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    holder uuid NOT NULL,
    address text NOT NULL,
    expires_at timestamptz NOT NULL
);

ALTER TABLE shape_lease ENABLE ROW LEVEL SECURITY;
