-- Ends of foreign keys, names and unique edges are checked at commit (DEFERRABLE INITIALLY
-- DEFERRED): a projection writes any set of rows, in any order, that is valid as a whole.

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL,
    name text NOT NULL,
    avatar_url text,
    preferences jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE organizations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL UNIQUE,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE teams (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name text NOT NULL,
    slug text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, slug)
);

CREATE TABLE team_members (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (team_id, user_id)
);

CREATE INDEX idx_team_members_user ON team_members (user_id);

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
    -- A tsvector holds 1 MB; these lengths stay below it whatever the text.
    search_vector tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', left(name, 1000)), 'A')
        || setweight(to_tsvector('english', left(coalesce(description, ''), 50000)), 'B')
    ) STORED
);

CREATE INDEX idx_pipelines_team_status ON pipelines (team_id, status);
CREATE INDEX idx_pipelines_team_updated ON pipelines (team_id, updated_at DESC, id);
CREATE INDEX idx_pipelines_created_by ON pipelines (created_by);
CREATE INDEX idx_pipelines_parent ON pipelines (parent_pipeline_id);
CREATE INDEX idx_pipelines_tags ON pipelines USING gin (tag_keys(tags));
CREATE INDEX idx_pipelines_search ON pipelines USING gin (search_vector);
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

-- Only append_updates and the creation of a pipeline may lock rows of pipeline_documents: an
-- append never waits for a projection. Workers lock projection_cursors.
CREATE TABLE pipeline_documents (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    head_seq bigint NOT NULL DEFAULT 0
);

-- user_id has no index, for the sake of append: deleting a user reads the whole log.
CREATE TABLE pipeline_updates (
    pipeline_id uuid NOT NULL REFERENCES pipeline_documents ON DELETE CASCADE,
    seq bigint NOT NULL,
    user_id uuid REFERENCES users ON DELETE SET NULL,
    payload bytea NOT NULL,
    received_at timestamptz NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (pipeline_id, seq)
);

CREATE TABLE pipeline_states (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    seq bigint NOT NULL,
    state bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projection_cursors (
    pipeline_id uuid PRIMARY KEY REFERENCES pipelines ON DELETE CASCADE,
    seq bigint NOT NULL DEFAULT 0,
    projected_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE pipeline_diagnostics (
    pipeline_id uuid NOT NULL REFERENCES pipelines ON DELETE CASCADE,
    code text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('error', 'warning')),
    message text NOT NULL,
    PRIMARY KEY (pipeline_id, code, subject)
);

CREATE FUNCTION append_updates(
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
        SET head_seq = n.head
        FROM (SELECT m.pipeline_id, max(m.seq) AS head FROM numbered AS m GROUP BY 1) AS n
        WHERE d.pipeline_id = n.pipeline_id
    )
    SELECT n.seq FROM numbered AS n ORDER BY n.position;

    PERFORM pg_notify('pipeloom_updates', d.pipeline_id::text)
    FROM pipeline_documents AS d
    WHERE d.pipeline_id = ANY (pipeline_ids);
END
$$;
