-- append_updates --
-- Number, insert and announce a batch of updates: pipelines $1, authors $2, payloads $3, times of
-- receipt $4. One row per update, in their order: its number, NULL if its pipeline was deleted. See
-- the function in schema.sql.
SELECT append_updates($1, $2, $3, $4) AS seq

-- append_awaited --
-- Append as `append_updates` does, and notify workers that somebody waits for the rows. In a
-- transaction, equal notifications are one.
SELECT append_updates($1, $2, $3, $4) AS seq, pg_notify('pipeloom_updates', 'awaited')

-- lock_documents --
-- Lock the heads of documents $1 until the end of the transaction, and return what is new in their
-- logs after the positions $2, at most $3 bytes of each. The transaction may stand still for $4
-- milliseconds. See the function in schema.sql.
SELECT
    pipeline_id, head_seq, reserved_by, seq, user_id, payload, received_at, first_seq,
    first_received_at
FROM lock_documents($1, $2, $3, $4)

-- reserve_document --
-- Reserve a document for the edit $2 for $3 seconds, or prolong that; no row if it is reserved for
-- another edit, if the edit's own reservation has ended, or if there is no such document.
UPDATE pipeline_documents
SET reserved_by = $2, reserved_until = clock_timestamp() + $3::float8 * interval '1 second'
WHERE pipeline_id = $1
    AND CASE
        WHEN reserved_until > clock_timestamp() THEN reserved_by = $2
        ELSE reserved_by IS DISTINCT FROM $2
    END
RETURNING head_seq

-- free_document --
-- End the reservation of a document for the edit $2.
UPDATE pipeline_documents
SET reserved_by = NULL, reserved_until = NULL
WHERE pipeline_id = $1 AND reserved_by = $2

-- stored_state --
-- The number of a document's last update, and its last stored state, NULL if there is none; no row
-- where there is no such pipeline.
SELECT d.head_seq, s.seq AS state_seq, s.state, s.waiting, s.noticed, s.slices
FROM pipeline_documents AS d
LEFT JOIN pipeline_states AS s USING (pipeline_id)
WHERE d.pipeline_id = $1

-- updates_since --
-- The updates of a pipeline after number $2, oldest first, at most $3 of them; NULL means all.
SELECT seq, user_id, payload, received_at, first_seq, first_received_at
FROM pipeline_updates
WHERE pipeline_id = $1 AND seq > $2
ORDER BY seq
LIMIT $3

-- updates_since_each --
-- The updates of the pipelines $1 after the number beside each in $2, by pipeline and oldest first. Of
-- pipelines with more than $3 of them, or more than $4 bytes, there is none. The limit inside has each
-- log read by its index, whatever is known of the table.
SELECT pipeline_id, seq, user_id, payload, received_at, first_seq, first_received_at
FROM (
    SELECT asked.pipeline_id, u.*, count(*) OVER log AS updates,
        sum(octet_length(u.payload)) OVER log AS bytes
    FROM unnest($1::uuid[], $2::bigint[]) AS asked (pipeline_id, after)
    CROSS JOIN LATERAL (
        SELECT u.seq, u.user_id, u.payload, u.received_at, u.first_seq, u.first_received_at
        FROM pipeline_updates AS u
        WHERE u.pipeline_id = asked.pipeline_id AND u.seq > asked.after
        ORDER BY u.seq
        LIMIT $3::bigint + 1
    ) AS u
    WINDOW log AS (PARTITION BY asked.pipeline_id)
) AS found
WHERE updates <= $3 AND bytes <= $4
ORDER BY pipeline_id, seq

-- newest_updates --
-- Who made the last updates of a pipeline before number $2, newest first, at most $3; a NULL number
-- means the end of the log. A folded update in which number $2 lies counts up to there.
SELECT least(u.seq, $2::bigint - 1) AS seq, u.user_id, u.received_at, u.first_seq, u.first_received_at
FROM pipeline_updates AS u
WHERE u.pipeline_id = $1 AND ($2::bigint IS NULL OR u.seq < coalesce((
    SELECT f.seq + 1 FROM pipeline_updates AS f
    WHERE f.pipeline_id = $1 AND f.seq = (
        SELECT n.seq FROM pipeline_updates AS n
        WHERE n.pipeline_id = $1 AND n.seq >= $2
        ORDER BY n.seq
        LIMIT 1
    ) AND f.first_seq < $2
), $2))
ORDER BY u.seq DESC
LIMIT $3

-- document_head --
-- The number of a document's last update.
SELECT head_seq FROM pipeline_documents WHERE pipeline_id = $1

-- document_heads --
-- The numbers of the last updates of several documents.
SELECT pipeline_id, head_seq FROM pipeline_documents WHERE pipeline_id = ANY ($1)

-- store_state --
-- Store a merged state, unless a newer one is stored: several workers may finish out of order.
INSERT INTO pipeline_states AS s (pipeline_id, seq, state, waiting, noticed, slices)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (pipeline_id) DO UPDATE
SET
    seq = excluded.seq, state = excluded.state, waiting = excluded.waiting,
    noticed = excluded.noticed, slices = excluded.slices, stored_at = now()
WHERE s.seq < excluded.seq

-- document_ids --
-- The pipelines with a document after $1, in the order of their ids, at most $2; NULL begins.
SELECT pipeline_id
FROM pipeline_documents
WHERE $1::uuid IS NULL OR pipeline_id > $1
ORDER BY pipeline_id
LIMIT $2

-- drop_state --
-- Forget the stored state of a document; its log makes it.
DELETE FROM pipeline_states WHERE pipeline_id = $1

-- forget_damage --
-- Forget the diagnostics with code $2 of a pipeline.
DELETE FROM pipeline_diagnostics WHERE pipeline_id = $1 AND code = $2

-- claim_documents --
-- Lock at most $3 documents whose logs are ahead of their rows, those projected the longest ago first;
-- among $1 unless that is NULL, and not among $2. No row if there is none, or others hold them all. A
-- pipeline is locked together with its cursor, since its row will be written, too: whoever deletes
-- the pipeline locks both as well, so neither waits for a lock while it holds what the other needs.
SELECT c.pipeline_id, c.seq AS cursor, c.mend_at, c.reported_seq AS reported
FROM projection_cursors AS c
JOIN pipeline_documents AS d USING (pipeline_id)
JOIN pipelines AS p ON p.id = c.pipeline_id
WHERE d.head_seq > c.seq
    AND ($1::uuid[] IS NULL OR c.pipeline_id = ANY ($1))
    AND c.pipeline_id <> ALL ($2::uuid[])
ORDER BY c.projected_at
LIMIT $3
FOR NO KEY UPDATE OF p SKIP LOCKED
FOR UPDATE OF c SKIP LOCKED

-- claim_mending --
-- Lock one document that is due to be mended at time $1 and whose rows are up to date, and is not
-- among $2. No row if there is none, or others hold them all.
SELECT c.pipeline_id, c.seq, c.reported_seq AS reported
FROM projection_cursors AS c
JOIN pipeline_documents AS d USING (pipeline_id)
WHERE c.mend_at <= $1 AND d.head_seq = c.seq AND c.pipeline_id <> ALL ($2::uuid[])
ORDER BY c.mend_at
LIMIT 1
FOR UPDATE OF c SKIP LOCKED

-- found_at --
-- Since when each diagnostic of a pipeline has stood.
SELECT code, subject, found_at FROM pipeline_diagnostics WHERE pipeline_id = $1

-- set_mend_at --
-- Note when a document is to be mended next; NULL for never.
UPDATE projection_cursors SET mend_at = $2 WHERE pipeline_id = $1

-- set_reported --
-- Note that everything is reported which updates up to number $2 did to steps that were deleted.
UPDATE projection_cursors SET reported_seq = greatest(reported_seq, $2) WHERE pipeline_id = $1

-- projection_lag --
-- How many updates are not in the rows yet, and the age of the oldest of them in seconds; both 0 if
-- there is none.
SELECT coalesce(sum(d.head_seq - c.seq), 0)::bigint AS updates,
    coalesce(extract(epoch FROM now() - min(u.received_at)), 0)::float8 AS seconds
FROM pipeline_documents AS d
JOIN projection_cursors AS c USING (pipeline_id)
JOIN pipeline_updates AS u ON u.pipeline_id = c.pipeline_id AND u.seq = c.seq + 1
WHERE d.head_seq > c.seq

-- stored_pipeline --
-- The projected columns of a pipeline.
SELECT {columns of pipelines}
FROM pipelines
WHERE id = $1

-- stored_steps --
-- All steps of a pipeline.
SELECT {columns of steps}
FROM steps
WHERE pipeline_id = $1

-- stored_connections --
-- All connections of a pipeline.
SELECT {columns of connections}
FROM connections
WHERE pipeline_id = $1

-- stored_diagnostics --
-- All diagnostics of a pipeline.
SELECT code, subject, severity, message, path, suggestion
FROM pipeline_diagnostics
WHERE pipeline_id = $1

-- first_diagnostics --
-- The first $2 diagnostics of a pipeline: errors first, then by code and subject, as texts compare by
-- code point.
SELECT code, subject, severity, message, path, suggestion
FROM pipeline_diagnostics
WHERE pipeline_id = $1
ORDER BY severity, code COLLATE "C", subject COLLATE "C"
LIMIT $2

-- update_pipeline --
-- Write the projected columns of a pipeline.
UPDATE pipelines
SET ({columns of pipelines}) = ROW ({parameters of pipelines from 2})
WHERE id = $1

-- touch_pipelines --
-- Set the time of the last change of pipelines or of anything in them.
UPDATE pipelines SET updated_at = now() WHERE id = ANY ($1)

-- upsert_steps --
-- Write steps of the pipelines $1, one of each. A row with the same content stays as it is: writing it
-- would change `updated_at`, and would cost every index an entry.
INSERT INTO steps AS s (pipeline_id, {columns of steps})
SELECT * FROM unnest($1::uuid[], {arrays of steps from 2})
ON CONFLICT (pipeline_id, id) DO UPDATE
SET ({content of steps}) = ROW ({content of steps in excluded}), updated_at = now()
WHERE ({content of steps in s}) IS DISTINCT FROM ({content of steps in excluded})

-- move_steps --
-- Write where the steps with ids $2 of the pipelines $1 are drawn: x $3, y $4. No index has these columns,
-- and neither the words nor any constraint of a step depend on them.
UPDATE steps AS s
SET position_x = m.x, position_y = m.y, updated_at = now()
FROM unnest($1::uuid[], $2::uuid[], $3::float8[], $4::float8[]) AS m (pipeline_id, id, x, y)
WHERE s.pipeline_id = m.pipeline_id AND s.id = m.id

-- upsert_connections --
-- Write connections of the pipelines $1. A row with the same content stays as it is; see `upsert_steps`.
INSERT INTO connections AS c (pipeline_id, {columns of connections})
SELECT * FROM unnest($1::uuid[], {arrays of connections from 2})
ON CONFLICT (pipeline_id, id) DO UPDATE
SET ({content of connections}) = ROW ({content of connections in excluded}), updated_at = now()
WHERE ({content of connections in c}) IS DISTINCT FROM ({content of connections in excluded})

-- upsert_diagnostics --
-- Write diagnostics of the pipelines $1, in place of earlier ones of the same code and subject.
INSERT INTO pipeline_diagnostics (
    pipeline_id, code, subject, severity, message, path, suggestion
)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
ON CONFLICT (pipeline_id, code, subject) DO UPDATE
SET severity = excluded.severity, message = excluded.message, path = excluded.path,
    suggestion = excluded.suggestion

-- delete_steps --
-- Delete steps by id, and with them the children and connections that still refer to them.
DELETE FROM steps WHERE pipeline_id = $1 AND id = ANY ($2)

-- delete_connections --
-- Delete connections by id.
DELETE FROM connections WHERE pipeline_id = $1 AND id = ANY ($2)

-- delete_diagnostics --
-- Delete diagnostics by code and subject.
DELETE FROM pipeline_diagnostics
WHERE pipeline_id = $1 AND (code, subject) IN (SELECT * FROM unnest($2::text[], $3::text[]))

-- discard_plans --
-- Forget the plans of this connection, those of foreign-key checks included: one made for a small
-- table would be kept for a large one.
DISCARD PLANS

-- check_constraints --
-- Check deferred constraints now and not at the commit, so that their errors can still be handled.
SET CONSTRAINTS ALL IMMEDIATE

-- refresh_own_search --
-- Bring the search entries of pipelines $1 up to date: those that are stale, have rested long enough,
-- and had at most $2 steps, so that it is done soon.
SELECT refresh_search(e.pipeline_id)
FROM pipeline_search AS e
WHERE e.pipeline_id = ANY ($1) AND e.is_stale AND e.size <= $2
    AND e.refreshed_at + search_rest(e.size) <= clock_timestamp()

-- refresh_any_search --
-- Bring the stale search entry that was refreshed the longest ago up to date; no row if none has
-- rested long enough, or others hold them all.
WITH due AS MATERIALIZED (
    SELECT e.pipeline_id
    FROM pipeline_search AS e
    JOIN projection_cursors AS c USING (pipeline_id)
    WHERE e.is_stale AND e.refreshed_at + search_rest(e.size) <= clock_timestamp()
    ORDER BY e.refreshed_at
    LIMIT 1
    FOR UPDATE OF c SKIP LOCKED
)
SELECT due.pipeline_id FROM due, refresh_search(due.pipeline_id)

-- move_cursors --
-- Note that the rows of the pipelines $1 contain the updates up to the numbers $2 and that their
-- documents are to be mended at the times $3, NULL for never; and announce that at commit, with whether
-- the document holds other diagnostics now, $4, and the times of the steps $5 and the connections $6,
-- which are arrays of ids, as texts. If a version held all updates until now, the first one beyond is
-- the first that no version holds, and its time is kept. What is announced also says after which update
-- the rows went on, $8, and, if any row was written, $7, in which transaction. All that is one statement since
-- a worker executes it for every projection. A payload has at most 8,000 bytes. The commit does not wait
-- for the disk, which those of the log then have for themselves: should PostgreSQL crash, rows and cursor
-- are older together, and are written again.
WITH moved AS (
    UPDATE projection_cursors AS c
    SET seq = m.seq, projected_at = now(), mend_at = m.mend_at,
        unsaved_since = coalesce(c.unsaved_since, (
            SELECT u.received_at FROM pipeline_updates AS u
            WHERE u.pipeline_id = c.pipeline_id AND u.seq = c.seq + 1
        ))
    FROM unnest(
        $1::uuid[], $2::bigint[], $3::timestamptz[], $4::boolean[], $5::text[], $6::text[],
        $7::boolean[], $8::bigint[]
    ) AS m (pipeline_id, seq, mend_at, diagnostics, steps, connections, has_changed, after)
    WHERE c.pipeline_id = m.pipeline_id
    RETURNING m.*
)
SELECT pg_notify('pipeloom_projected', json_build_object(
    'pipeline_id', p.id,
    'after', moved.after,
    'seq', moved.seq,
    'transaction_id', CASE WHEN moved.has_changed THEN pg_current_xact_id()::xid::text END,
    'updated_at', p.updated_at,
    'steps', (
        SELECT coalesce(json_object_agg(s.id, ARRAY[s.created_at, s.updated_at]), '{}')
        FROM steps AS s WHERE s.pipeline_id = p.id AND s.id = ANY (moved.steps::uuid[])
    ),
    'connections', (
        SELECT coalesce(json_object_agg(c.id, ARRAY[c.created_at, c.updated_at]), '{}')
        FROM connections AS c WHERE c.pipeline_id = p.id AND c.id = ANY (moved.connections::uuid[])
    ),
    'diagnostics', moved.diagnostics
)::text), set_config('synchronous_commit', 'off', true)
FROM moved JOIN pipelines AS p ON p.id = moved.pipeline_id

-- member_of_team --
-- The role of a user in the team of a pipeline, NULL for outsiders, and how others see the user; no
-- row where there is no such pipeline.
SELECT m.role, u.name, u.avatar_url
FROM pipelines AS p
JOIN teams AS t ON t.id = p.team_id AND t.deleted_at IS NULL
LEFT JOIN team_members AS m ON m.team_id = p.team_id AND m.user_id = $1
LEFT JOIN users AS u ON u.id = m.user_id
WHERE p.id = $2 AND p.deleted_at IS NULL

-- roles_of_users --
-- The role of each user of $1 in the team of the pipeline beside it in $2, NULL for outsiders; no
-- row where there is no such pipeline.
SELECT seat.user_id, seat.pipeline_id, m.role
FROM unnest($1::uuid[], $2::uuid[]) AS seat (user_id, pipeline_id)
JOIN pipelines AS p ON p.id = seat.pipeline_id AND p.deleted_at IS NULL
JOIN teams AS t ON t.id = p.team_id AND t.deleted_at IS NULL
LEFT JOIN team_members AS m ON m.team_id = p.team_id AND m.user_id = seat.user_id

-- user_by_email --
-- The user with an email address, ignoring case.
SELECT id, email, name FROM users WHERE lower(email) = lower($1)

-- user_names --
-- The names of users.
SELECT id, name FROM users WHERE id = ANY ($1)

-- create_pipeline --
-- Create a pipeline, its document with the one seed that it will ever have, and the cursor of its
-- projection, which begins one update behind, so that a worker makes the rows; return the id of the
-- transaction, as `transaction_id` does. The audit log names the author and the address $7, if there is one, and lets an author make $8 changes within an hour, if that
-- is not empty: its trigger fires when this statement has ended.
WITH pipeline AS (
    INSERT INTO pipelines (
        id, team_id, created_by, created_at, updated_at, parent_pipeline_id, {columns of pipelines}
    )
    VALUES ($1, $2, $3, $4, $4, $6, {parameters of pipelines from 9})
), document AS (
    INSERT INTO pipeline_documents (pipeline_id, head_seq, log_bytes)
    VALUES ($1, 1, octet_length($5::bytea))
), cursor AS (
    INSERT INTO projection_cursors (pipeline_id, seq) VALUES ($1, 0)
), seed AS (
    INSERT INTO pipeline_updates (pipeline_id, seq, user_id, payload, received_at)
    VALUES ($1, 1, $3, $5, $4)
)
SELECT
    pg_current_xact_id()::xid::text::bigint AS transaction_id,
    pg_notify('pipeloom_updates', $1::uuid::text),
    set_config('app.user_id', coalesce($3::uuid::text, ''), true), set_config('app.address', $7, true),
    set_config('app.most_changes', $8, true)

-- lock_editor --
-- Whether user $2 may put something into team $1. Until the transaction ends, nobody deletes the team and
-- nobody takes the role from the user.
SELECT m.role <> 'viewer'
FROM team_members AS m
JOIN teams AS t ON t.id = m.team_id
WHERE m.team_id = $1 AND m.user_id = $2 AND t.deleted_at IS NULL
FOR SHARE

-- set_member --
-- Make a user a member of a team in a role, in place of any earlier role.
INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, $3)
ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role

-- teams_by_slug --
-- The teams with slug $1, in the organization with slug $2, or in all if that is NULL.
SELECT t.id, o.slug || '/' || t.slug AS path
FROM teams AS t
JOIN organizations AS o ON o.id = t.organization_id
WHERE t.slug = $1 AND ($2::text IS NULL OR o.slug = $2) AND t.deleted_at IS NULL
ORDER BY path

-- ensure_organization --
-- Add an organization unless its slug is taken; return the id in either case. The update that
-- changes nothing is there because DO NOTHING would return no row.
INSERT INTO organizations (name, slug) VALUES ($1, $2)
ON CONFLICT (slug) DO UPDATE SET slug = excluded.slug
RETURNING id

-- ensure_team --
-- Add a team unless its slug is taken in the organization; return the id in either case.
INSERT INTO teams (organization_id, name, slug) VALUES ($1, $2, $3)
ON CONFLICT (organization_id, slug) WHERE deleted_at IS NULL DO UPDATE SET slug = excluded.slug
RETURNING id

-- ensure_user --
-- Add a user unless the email is taken, ignoring case; return the user in either case.
INSERT INTO users (email, name) VALUES ($1, $2)
ON CONFLICT (lower(email)) DO UPDATE SET email = users.email
RETURNING id, email, name

-- database_properties --
-- What no migration can change: the encoding of texts, and the schema in which this session creates
-- tables and finds them first, which is null if there is none.
SELECT current_database() AS name, current_setting('server_encoding') AS encoding,
       current_schema() AS schema

-- sizes_of_all --
-- How much there is: documents, what was appended to their logs, and the files of the database.
SELECT
    (SELECT count(*) FROM pipeline_documents) AS documents,
    (SELECT coalesce(sum(log_bytes), 0)::bigint FROM pipeline_documents) AS log_bytes,
    pg_database_size(current_database()) AS database_bytes

-- biggest_documents --
-- The $1 documents of which most was appended.
SELECT pipeline_id, head_seq, log_bytes
FROM pipeline_documents
ORDER BY log_bytes DESC, pipeline_id
LIMIT $1

-- documents_to_check --
-- The $1 documents of which most was appended, and the $2 whose rows have changed last; small ones first.
SELECT d.pipeline_id, d.log_bytes
FROM pipeline_documents AS d
WHERE d.pipeline_id IN (
        SELECT b.pipeline_id FROM pipeline_documents AS b ORDER BY b.log_bytes DESC LIMIT $1
    )
    OR d.pipeline_id IN (SELECT p.id FROM pipelines AS p ORDER BY p.updated_at DESC LIMIT $2)
ORDER BY d.log_bytes, d.pipeline_id

-- late_documents --
-- Documents whose rows have lacked an update for more than $1 seconds, $2 of them at most.
SELECT d.pipeline_id, d.head_seq - c.seq AS updates, u.received_at AS since
FROM pipeline_documents AS d
JOIN projection_cursors AS c USING (pipeline_id)
JOIN pipeline_updates AS u ON u.pipeline_id = c.pipeline_id AND u.seq = c.seq + 1
WHERE d.head_seq > c.seq AND u.received_at < now() - make_interval(secs => $1)
ORDER BY u.received_at
LIMIT $2

-- role_facts --
-- Whether a role exists, has the rights of its groups without asking, is bound by policies, and may
-- follow what is written.
SELECT
    r.rolinherit AS inherits,
    r.rolsuper OR r.rolbypassrls AS sees_all,
    r.rolsuper OR r.rolreplication AS replicates
FROM pg_roles AS r
WHERE r.rolname = $1

-- role_exists --
-- Whether there is a role of this name in the cluster.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)

-- join_api_role --
-- Let this user act as the role of the API, unless it may already.
DO $$
BEGIN
    IF NOT pg_has_role(
        'pipeloom_api',
        CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END
    ) THEN
        EXECUTE format('GRANT pipeloom_api TO %I', current_user);
    END IF;
END
$$

-- sessions_of_servers --
-- How many connections servers and workers have to this database.
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database()
    AND application_name IN (
        'pipeloom', 'pipeloom listener', 'pipeloom bus', 'pipeloom worker', 'pipeloom worker listener'
    )

-- count_relations --
-- How many tables and views there are in the schema in which Pipeloom has its own.
SELECT count(*)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')

-- has_policies_for --
-- Whether a policy of this database is for a role; the role belongs to the whole cluster.
SELECT EXISTS (SELECT FROM pg_policies WHERE $1 = ANY (roles))

-- members_of_role --
-- The roles that were granted a group role, and whether they read the addresses of users.
SELECT m.rolname AS name, has_column_privilege(m.oid, 'public.users', 'email', 'SELECT') AS emails
FROM pg_auth_members AS a
JOIN pg_roles AS m ON m.oid = a.member
WHERE a.roleid = (SELECT oid FROM pg_roles WHERE rolname = $1) AND NOT m.rolsuper
    AND m.rolname <> current_user
ORDER BY m.rolname

-- replication_facts --
-- What Electric needs of the settings of PostgreSQL, and its slot, which keeps what it has not read yet.
SELECT
    current_setting('wal_level') AS wal_level,
    current_setting('max_slot_wal_keep_size') AS kept_wal,
    s.slot_name IS NOT NULL AS has_slot,
    coalesce(s.active, false) AS is_followed
FROM (VALUES ($1)) AS asked (slot)
LEFT JOIN pg_replication_slots AS s
    ON s.slot_name = asked.slot AND (s.database IS NULL OR s.database = current_database())

-- drop_slot --
-- Drop a replication slot, which nobody may be following.
SELECT pg_drop_replication_slot($1)

-- database_facts --
-- What somebody who looks for a fault asks first.
SELECT
    current_setting('server_version') AS version,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    current_setting('max_connections')::int AS max_connections,
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        -- Newer than PostgreSQL 15.
        - coalesce(current_setting('reserved_connections', true)::int, 0) AS free_connections,
    current_user::text AS role,
    (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) AS is_superuser,
    (
        SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = to_regclass('pipelines')
    ) AS owner,
    array(
        SELECT r.rolname::text FROM pg_roles AS r
        WHERE r.rolname IN ('pipeloom_api', 'pipeloom_server', 'pipeloom_reader')
            AND pg_has_role(current_user, r.oid, 'MEMBER')
        ORDER BY 1
    ) AS groups

-- applied_facts --
-- How many migrations were applied, and when the last one was.
SELECT count(*) AS applied, max(applied_at) AS last_at FROM schema_migrations

-- newest_migration --
-- The last of the migrations that were applied, by number.
SELECT max(name) FROM schema_migrations

-- ensure_migrations_table --
-- Create the table that records which migrations were applied, unless it exists.
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- lock_migrations --
-- Wait until no other process migrates this database. The lock ends with the connection, so that a
-- process which dies leaves none behind.
SELECT pg_advisory_lock(hashtextextended('pipeloom migrations', 0))

-- has_migrations_table --
-- Whether the table of migrations exists: without it, none was ever applied.
SELECT to_regclass('schema_migrations') IS NOT NULL

-- applied_migrations --
-- The migrations that were applied.
SELECT name FROM schema_migrations

-- wait_briefly_for_locks --
-- Until the end of the transaction, give up a lock that cannot be had soon. A migration that waits for
-- a table keeps everybody from it who comes later.
SELECT set_config('lock_timeout', '3s', true)

-- record_migration --
-- Record that a migration was applied.
INSERT INTO schema_migrations (name) VALUES ($1)

-- become_api_user --
-- Take the role of the API, whom the policies bind, and name the user $1 on whose behalf the
-- transaction works, and for the audit log the address $2 of that user's client and how many changes $3
-- a user may make within an hour, empty for any number. All these settings end with the transaction.
SELECT
    set_config('role', 'pipeloom_api', true), set_config('app.user_id', $1::uuid::text, true),
    set_config('app.address', $2, true), set_config('app.most_changes', $3, true)

-- transaction_id --
-- The id of this transaction with the 32 bits that the xmin of rows has, NULL if it has none because it
-- has only read.
SELECT pg_current_xact_id_if_assigned()::xid::text::bigint

-- ping --
-- Succeeds if PostgreSQL answers.
SELECT 1

-- has_users --
-- Whether there is any user but the system itself.
SELECT EXISTS (SELECT FROM users WHERE id <> '00000000-0000-4000-8000-000000000001')

-- demo_pipeline --
-- The oldest pipeline of the demo team.
SELECT p.id
FROM pipelines p
JOIN teams t ON t.id = p.team_id
JOIN organizations o ON o.id = t.organization_id
WHERE o.slug = 'demo' AND t.slug = 'demo' AND p.deleted_at IS NULL AND t.deleted_at IS NULL
ORDER BY p.created_at, p.id
LIMIT 1

-- lock_pipeline --
-- Keep others from saving a version of a pipeline until this transaction ends.
SELECT id FROM pipelines WHERE id = $1 FOR NO KEY UPDATE

-- save_version --
-- Save a version under the next number, and return it with the id of the transaction, as
-- `transaction_id` does. The author is NULL if the user was deleted. If the id $11, which may be NULL,
-- is saved already, return that version.
WITH saved AS (
    INSERT INTO pipeline_versions (
        pipeline_id, version_number, seq, state, pipeline_snapshot, steps_snapshot,
        connections_snapshot, name, change_summary, created_by, created_at, id
    )
    SELECT
        $1, coalesce(max(v.version_number), 0) + 1, $2, $3, $4, $5, $6, $7, $8,
        (SELECT u.id FROM users AS u WHERE u.id = $9), $10, coalesce($11, gen_random_uuid())
    FROM pipeline_versions AS v
    WHERE v.pipeline_id = $1
    ON CONFLICT (id) DO NOTHING
    RETURNING id, version_number, seq, name, change_summary, created_by, created_at
)
SELECT
    id, version_number AS number, seq, name, change_summary, created_by, created_at,
    pg_current_xact_id()::xid::text::bigint AS transaction_id
FROM saved
UNION ALL
SELECT id, version_number, seq, name, change_summary, created_by, created_at, NULL
FROM pipeline_versions
WHERE pipeline_id = $1 AND id = $11

-- newest_versions --
-- The versions of a pipeline below number $2, newest first, at most $3; NULL means all numbers.
SELECT id, version_number AS number, seq, name, change_summary, created_by, created_at
FROM pipeline_versions
WHERE pipeline_id = $1 AND ($2::integer IS NULL OR version_number < $2)
ORDER BY version_number DESC
LIMIT $3

-- version --
-- One version with its content.
SELECT
    id, version_number AS number, seq, name, change_summary, created_by, created_at, state,
    pipeline_snapshot AS pipeline, steps_snapshot AS steps, connections_snapshot AS connections
FROM pipeline_versions
WHERE pipeline_id = $1 AND version_number = $2

-- version_state --
-- The document in a version.
SELECT state FROM pipeline_versions WHERE pipeline_id = $1 AND version_number = $2

-- unsaved_pipeline --
-- A pipeline that holds edits which no version does, the first of them from before $1 or the last
-- from before $2, and that is not among $3. Nobody else gets it until this transaction ends. The
-- lock is an advisory one and none on rows, so that projections go on meanwhile. OFFSET 0 keeps the
-- planner from taking it on pipelines that are not due.
SELECT due.pipeline_id
FROM (
    SELECT c.pipeline_id
    FROM projection_cursors AS c
    JOIN pipeline_updates AS u ON u.pipeline_id = c.pipeline_id AND u.seq = c.seq
    WHERE c.unsaved_since IS NOT NULL
        AND (c.unsaved_since <= $1 OR u.received_at <= $2)
        AND c.pipeline_id <> ALL ($3::uuid[])
    ORDER BY c.unsaved_since
    OFFSET 0
) AS due
WHERE pg_try_advisory_xact_lock(hashtextextended('version of ' || due.pipeline_id, 0))
LIMIT 1

-- mark_saved --
-- Note that the last version holds the updates up to number $2; the time of the first one beyond is
-- kept, NULL if there is none.
UPDATE projection_cursors AS c
SET unsaved_since = (
    SELECT coalesce(u.first_received_at, u.received_at) FROM pipeline_updates AS u
    WHERE u.pipeline_id = c.pipeline_id AND u.seq > $2 AND u.seq <= c.seq
    ORDER BY u.seq
    LIMIT 1
)
WHERE c.pipeline_id = $1 AND c.unsaved_since IS NOT NULL

-- prune_versions --
-- Delete unnamed versions from before $2: all of those from before $3, and of the others all but
-- the last of each day (UTC). The newest version stays, so that no number is given twice.
DELETE FROM pipeline_versions AS v
WHERE v.pipeline_id = $1 AND v.name IS NULL AND v.created_at < $2
    AND EXISTS (
        SELECT FROM pipeline_versions AS later
        WHERE later.pipeline_id = v.pipeline_id AND later.version_number > v.version_number
            AND (
                v.created_at < $3
                OR later.name IS NULL
                    AND date_trunc('day', later.created_at, 'UTC')
                        = date_trunc('day', v.created_at, 'UTC')
            )
    )

-- foldable_log --
-- The next pipeline after $2, NULL begins, whose log has updates that nobody has tried to fold and
-- that were received before $1: those after `folded` up to `until`, which are in its rows; and the
-- numbers up to which versions go, across which nothing is folded. Left alone are pipelines that are
-- deleted, or whose team is, those that are damaged as diagnostics with the code $4 say, and $3. A
-- pipeline $5 which is not NULL is the only one looked at.
SELECT
    c.pipeline_id, c.folded_seq AS folded, due.until,
    ARRAY(
        SELECT DISTINCT v.seq FROM pipeline_versions AS v
        WHERE v.pipeline_id = c.pipeline_id AND v.seq > c.folded_seq
    ) AS versions
FROM projection_cursors AS c
JOIN pipelines AS p ON p.id = c.pipeline_id
JOIN teams AS t ON t.id = p.team_id AND t.deleted_at IS NULL
CROSS JOIN LATERAL (
    SELECT least(c.seq, (
        SELECT coalesce(u.first_seq, u.seq) - 1 FROM pipeline_updates AS u
        WHERE u.pipeline_id = c.pipeline_id AND u.seq > c.folded_seq AND u.received_at >= $1
        ORDER BY u.seq
        LIMIT 1
    )) AS until
) AS due
WHERE ($2::uuid IS NULL OR c.pipeline_id > $2) AND ($5::uuid IS NULL OR c.pipeline_id = $5)
    AND c.seq > c.folded_seq AND due.until > c.folded_seq
    AND p.deleted_at IS NULL AND c.pipeline_id <> ALL ($3::uuid[])
    AND NOT EXISTS (
        SELECT FROM pipeline_diagnostics AS d WHERE d.pipeline_id = c.pipeline_id AND d.code = $4
    )
ORDER BY c.pipeline_id
LIMIT 1

-- fold_updates --
-- Put merged updates in place of those that they are made of, in the log of pipeline $1 after number
-- $2, and note that it is folded up to number $3, which makes its updates smaller by $4 bytes. No row,
-- and nothing is changed, unless it is folded up to $2 now. The merges have the numbers $6 of the last
-- update in them and begin with the numbers $5, which came at the times $7; $8 are their contents. The
-- cursor is locked first, as whoever deletes the pipeline does.
WITH held AS MATERIALIZED (
    UPDATE projection_cursors AS c
    SET folded_seq = $3, folded_bytes = c.folded_bytes + $4
    WHERE c.pipeline_id = $1 AND c.folded_seq = $2
    RETURNING c.pipeline_id
), merge AS (
    SELECT held.pipeline_id, m.*
    FROM held, unnest($5::bigint[], $6::bigint[], $7::timestamptz[], $8::bytea[])
        AS m (first_seq, seq, first_received_at, payload)
), gone AS (
    DELETE FROM pipeline_updates AS u USING merge AS m
    WHERE u.pipeline_id = m.pipeline_id AND u.seq >= m.first_seq AND u.seq < m.seq
), merged AS (
    UPDATE pipeline_updates AS u
    SET payload = m.payload, first_seq = m.first_seq, first_received_at = m.first_received_at
    FROM merge AS m
    WHERE u.pipeline_id = m.pipeline_id AND u.seq = m.seq
)
SELECT pipeline_id FROM held

-- stored_bytes --
-- How many bytes the pipelines of team $1 store.
SELECT b.log + b.states + b.versions + b.comments FROM team_bytes($1) AS b

-- full_pipelines --
-- Those of the pipelines $1 whose team stores $2 bytes or more.
SELECT p.id
FROM (SELECT DISTINCT f.team_id FROM pipelines AS f WHERE f.id = ANY ($1)) AS t
CROSS JOIN LATERAL team_bytes(t.team_id) AS b
JOIN pipelines AS p ON p.team_id = t.team_id AND p.id = ANY ($1)
WHERE b.log + b.states + b.versions + b.comments >= $2

-- give_back_rows --
-- Let the rows that were folded be used again, instead of at the next automatic vacuum.
VACUUM pipeline_updates

-- notify_nodes --
-- Send a message, or a fragment of one, to every server that listens to a pipeline's channel: the
-- bus of servers without Redis.
SELECT pg_notify($1, $2)

-- write_presence --
-- Write who is where: pipelines $1, users $2, and what is shown of them, $3 to $6. A state that
-- has changed ($7) is written. Of another one only the time is renewed, since another node may know
-- more of the same user; it is written only if its row is gone. Users and pipelines that were
-- deleted are skipped. The time of writing is returned.
WITH shown AS (
    SELECT s.*
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::double precision[], $4::double precision[], $5::text[],
        $6::text[], $7::boolean[]
    ) AS s (pipeline_id, user_id, x, y, selection, status, is_news)
    JOIN pipelines AS p ON p.id = s.pipeline_id
    JOIN users AS u ON u.id = s.user_id
), renewed AS (
    UPDATE presence AS r SET last_seen = now()
    FROM shown AS s
    WHERE r.pipeline_id = s.pipeline_id AND r.user_id = s.user_id AND NOT s.is_news
), written AS (
    INSERT INTO presence (
        pipeline_id, user_id, cursor_x, cursor_y, selected_step_ids, status, last_seen
    )
    SELECT s.pipeline_id, s.user_id, s.x, s.y, s.selection::uuid[], s.status, now()
    FROM shown AS s
    WHERE s.is_news OR NOT EXISTS (
        SELECT FROM presence AS r WHERE r.pipeline_id = s.pipeline_id AND r.user_id = s.user_id
    )
    ORDER BY s.pipeline_id, s.user_id
    ON CONFLICT (pipeline_id, user_id) DO UPDATE
    SET cursor_x = excluded.cursor_x, cursor_y = excluded.cursor_y,
        selected_step_ids = excluded.selected_step_ids, status = excluded.status,
        last_seen = excluded.last_seen
)
SELECT now()

-- remove_presence --
-- Delete the presence of users who have left, unless another node has renewed it since.
DELETE FROM presence AS r
USING unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS gone (pipeline_id, user_id, last_seen)
WHERE r.pipeline_id = gone.pipeline_id AND r.user_id = gone.user_id
    AND r.last_seen <= gone.last_seen

-- expire_presence --
-- Delete the presence that no node has renewed for $1 seconds: the node that wrote it is dead.
DELETE FROM presence WHERE last_seen < now() - make_interval(secs => $1)

-- issue_ticket --
-- Keep a ticket of user $2 for pipeline $3, whose token expires at $4, under its hash $1 for $5
-- seconds; those that have expired are deleted by the way.
WITH expired AS (
    DELETE FROM event_tickets WHERE expires_at < now()
)
INSERT INTO event_tickets (digest, user_id, pipeline_id, token_expires_at, expires_at)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))

-- redeem_ticket --
-- Take a ticket for a pipeline: of several who try, one gets the row.
DELETE FROM event_tickets
WHERE digest = $1 AND pipeline_id = $2 AND expires_at > now()
RETURNING user_id, token_expires_at

-- claim_key --
-- Claim the key $2 of a user for a request with the fingerprint $3, on behalf of the claim $4, for $5
-- seconds; no row if there is one already that is not older than $6 seconds, and was not left behind by
-- a server that created nothing.
INSERT INTO idempotency_keys AS k (user_id, digest, fingerprint, claim, claimed_until)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
ON CONFLICT (user_id, digest) DO UPDATE
SET fingerprint = excluded.fingerprint, claim = excluded.claim,
    claimed_until = excluded.claimed_until, created_at = now(), subject_id = NULL, status = NULL,
    headers = NULL, body = NULL
WHERE k.created_at < now() - make_interval(secs => $6)
    OR k.status IS NULL AND k.subject_id IS NULL AND k.claimed_until < now()
RETURNING k.claim

-- earlier_key --
-- What is known of a request with the key $2 of a user.
SELECT
    fingerprint, subject_id, status, headers, body,
    status IS NULL AND claimed_until >= now() AS is_running
FROM idempotency_keys
WHERE user_id = $1 AND digest = $2

-- fulfil_requests --
-- Note what edits have created for the requests of users $1 with the claims $2: the subjects $3.
UPDATE idempotency_keys AS k
SET subject_id = coalesce(k.subject_id, done.subject_id)
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS done (user_id, claim, subject_id)
WHERE k.user_id = done.user_id AND k.claim = done.claim

-- keep_answer --
-- Keep the answer to the request that was claimed as $2.
UPDATE idempotency_keys
SET status = $3, headers = $4, body = $5
WHERE user_id = $1 AND claim = $2

-- release_key --
-- Forget the request that was claimed as $2, unless it has created something.
DELETE FROM idempotency_keys
WHERE user_id = $1 AND claim = $2 AND subject_id IS NULL AND status IS NULL

-- forget_old_keys --
-- Delete the keys of a user beyond the latest $2.
DELETE FROM idempotency_keys
WHERE user_id = $1 AND digest IN (
    SELECT k.digest
    FROM idempotency_keys AS k
    WHERE k.user_id = $1
    ORDER BY k.created_at DESC
    OFFSET $2
)

-- expire_keys --
-- Delete at most $2 keys that are older than $1 seconds; how many there were.
WITH expired AS (
    DELETE FROM idempotency_keys
    WHERE (user_id, digest) IN (
        SELECT k.user_id, k.digest
        FROM idempotency_keys AS k
        WHERE k.created_at < now() - make_interval(secs => $1)
        LIMIT $2
    )
    RETURNING 1
)
SELECT count(*) FROM expired

-- set_claim --
-- Name the claim under which the transaction runs, for `note_created`.
SELECT set_config('app.idempotency_claim', $1, true)

-- purge_pipeline --
-- Delete for good, with everything in it, the pipeline that was deleted the longest ago, if that is
-- more than $1 seconds; no row if there is none that nobody works on. It is locked as a worker locks
-- one that it claims, so neither waits for a lock while it holds what the other needs.
WITH due AS MATERIALIZED (
    SELECT p.id
    FROM projection_cursors AS c
    JOIN pipelines AS p ON p.id = c.pipeline_id
    WHERE p.deleted_at < now() - make_interval(secs => $1)
    ORDER BY p.deleted_at
    LIMIT 1
    FOR UPDATE OF p SKIP LOCKED
    FOR UPDATE OF c SKIP LOCKED
)
DELETE FROM pipelines AS p USING due WHERE p.id = due.id
RETURNING p.id

-- begin_purging_teams --
-- Mark the teams that were deleted more than $1 seconds ago: their pipelines are purged one by one, and
-- nobody can bring back a team of which a part is gone.
UPDATE teams SET purged_at = now()
WHERE id IN (
    SELECT t.id FROM teams AS t
    WHERE t.deleted_at < now() - make_interval(secs => $1) AND t.purged_at IS NULL
    FOR UPDATE SKIP LOCKED
)

-- purge_pipeline_of_team --
-- Delete a pipeline of a team that is being purged, with everything in it; no row if there is none that
-- nobody works on. It is locked as in `purge_pipeline`.
WITH due AS MATERIALIZED (
    SELECT p.id
    FROM teams AS t
    JOIN pipelines AS p ON p.team_id = t.id
    JOIN projection_cursors AS c ON c.pipeline_id = p.id
    WHERE t.purged_at IS NOT NULL
    ORDER BY t.purged_at, p.id
    LIMIT 1
    FOR UPDATE OF p SKIP LOCKED
    FOR UPDATE OF c SKIP LOCKED
)
DELETE FROM pipelines AS p USING due WHERE p.id = due.id
RETURNING p.id

-- purge_team --
-- Delete a team that is being purged and has no pipeline left; no row if there is none.
WITH due AS MATERIALIZED (
    SELECT t.id
    FROM teams AS t
    WHERE t.purged_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM pipelines AS p WHERE p.team_id = t.id)
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
DELETE FROM teams AS t USING due WHERE t.id = due.id
RETURNING t.id

-- deleted_things --
-- The pipelines and teams that can be brought back, the last deleted first; with the slugs of
-- organization and team, and the address of who deleted them. Those of a deleted team come with it.
SELECT d.kind, d.id, o.slug || '/' || t.slug AS path, d.name, d.deleted_at, u.email
FROM (
    SELECT 'team' AS kind, id, id AS team_id, name, deleted_at, deleted_by
    FROM teams WHERE deleted_at IS NOT NULL AND purged_at IS NULL
    UNION ALL
    SELECT 'pipeline', p.id, p.team_id, p.name, p.deleted_at, p.deleted_by
    FROM pipelines AS p
    JOIN teams AS own ON own.id = p.team_id AND own.deleted_at IS NULL
    WHERE p.deleted_at IS NOT NULL
) AS d
JOIN teams AS t ON t.id = d.team_id
JOIN organizations AS o ON o.id = t.organization_id
LEFT JOIN users AS u ON u.id = d.deleted_by
ORDER BY d.deleted_at DESC, d.id

-- delete_any_pipeline --
-- Delete a pipeline on behalf of an operator, so that it can be restored; no row if there is none.
UPDATE pipelines SET deleted_at = now()
WHERE id = $1 AND deleted_at IS NULL
RETURNING id

-- pipelines_for_operator --
-- At most $3 pipelines of the team $1, or of all; with all words of $2, the best first as by
-- `pipelines_found`, or if that is NULL the newest first. A NULL limit is none.
WITH sought AS MATERIALIZED (SELECT words_sought(left($2::text, 500)) AS query)
SELECT p.id, o.slug || '/' || t.slug AS team, p.name, p.status, p.updated_at
FROM pipelines AS p
JOIN teams AS t ON t.id = p.team_id AND t.deleted_at IS NULL
JOIN organizations AS o ON o.id = t.organization_id
LEFT JOIN pipeline_search AS e ON e.pipeline_id = p.id
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN lower(p.name) = lower(btrim($2)) THEN '0'
        WHEN starts_with(lower(p.name), lower(btrim($2))) THEN '1'
        WHEN to_tsvector('english', left(p.name, 1000)) @@ (SELECT query FROM sought) THEN '2'
        WHEN to_tsvector('english',
            left(coalesce(p.description, ''), 300) || ' '
            || left(array_to_string(p.tags, ' '), 300)
        ) @@ (SELECT query FROM sought) THEN '3'
        ELSE '4'
    END || left(lower(p.name), 50) AS key
) AS ranked
WHERE p.deleted_at IS NULL
    AND ($1::uuid IS NULL OR p.team_id = $1)
    AND ($2 IS NULL OR e.document @@ (SELECT query FROM sought))
ORDER BY
    CASE WHEN $2 IS NOT NULL THEN ranked.key END,
    CASE WHEN $2 IS NOT NULL THEN p.id END,
    p.created_at DESC, p.id DESC
LIMIT $3

-- undelete_team --
-- Bring a team back, on behalf of an operator; no row if it is not deleted, or being purged.
UPDATE teams SET deleted_at = NULL, deleted_by = NULL
WHERE id = $1 AND deleted_at IS NOT NULL AND purged_at IS NULL
RETURNING id

-- undelete_pipeline --
-- Bring a pipeline back, on behalf of an operator; no row if it is not deleted, or its team is.
UPDATE pipelines AS p SET deleted_at = NULL, deleted_by = NULL
FROM teams AS t
WHERE p.id = $1 AND p.deleted_at IS NOT NULL AND t.id = p.team_id AND t.deleted_at IS NULL
RETURNING p.id

-- expire_audit_log --
-- Delete at most $2 entries of the audit log that are older than $1 seconds; how many there were. See
-- the function in schema.sql.
SELECT expire_audit_log($1, $2)

-- audit_entries --
-- The entries of the audit log after number $1, oldest first, at most $4: since $2 and of team $3,
-- both unless NULL; with the names of their users, team and organization if these still exist.
SELECT
    a.id, a.at, a.organization_id, a.team_id, a.actor_id, u.email AS actor, a.address, a.action,
    a.subject_id, a.before, a.after, o.slug || coalesce('/' || t.slug, '') AS path
FROM audit_log AS a
LEFT JOIN users AS u ON u.id = a.actor_id
LEFT JOIN organizations AS o ON o.id = a.organization_id
LEFT JOIN teams AS t ON t.id = a.team_id
WHERE a.id > $1
    AND ($2::timestamptz IS NULL OR a.at >= $2)
    AND ($3::uuid IS NULL OR a.team_id = $3)
ORDER BY a.id
LIMIT $4

-- is_user --
-- Whether there is such a user; nobody signs in as the system.
SELECT EXISTS (
    SELECT FROM users WHERE id = $1 AND id <> '00000000-0000-4000-8000-000000000001'
)

-- lock_identity --
-- Let nobody else sign in subject $2 of issuer $1 until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended(jsonb_build_array($1::text, $2::text)::text, 21))

-- user_of_identity --
-- The user that subject $2 of issuer $1 is.
SELECT user_id FROM user_identities WHERE issuer = $1 AND subject = $2

-- linkable_user --
-- Who has the verified address $1, may be linked to an identity, and is to none yet. It is locked, since
-- two identities may have the address.
SELECT u.id
FROM users AS u
WHERE lower(u.email) = lower($1) AND NOT u.email_unproven
    AND u.id <> '00000000-0000-4000-8000-000000000001'
    AND NOT EXISTS (SELECT FROM user_identities AS i WHERE i.user_id = u.id)
FOR UPDATE OF u

-- new_user --
-- Add a user, whose address nobody has proved if $3.
INSERT INTO users (email, name, email_unproven) VALUES ($1, $2, $3) RETURNING id

-- new_identity --
-- Say that subject $2 of issuer $1 is the user $3.
INSERT INTO user_identities (issuer, subject, user_id) VALUES ($1, $2, $3)

-- note_claims --
-- Note that claims issued at $3 are taken over; no row if newer ones were.
UPDATE user_identities SET claims_at = $3
WHERE issuer = $1 AND subject = $2 AND claims_at <= $3
RETURNING true

-- release_address --
-- Take the address $1 from whoever merely typed it, unless that is the user $2.
UPDATE users SET email = id || '@identity.invalid'
WHERE lower(email) = lower($1) AND email_unproven AND id <> $2

-- take_address --
-- Give the user $1 the address $2, which is verified, unless somebody else has it.
UPDATE users SET email = $2, email_unproven = false
WHERE id = $1 AND (email <> $2 OR email_unproven)
    AND NOT EXISTS (SELECT FROM users AS o WHERE lower(o.email) = lower($2) AND o.id <> $1)

-- drop_group_roles --
-- Take the user $1 out of the teams in which they are by groups, but for those of the organizations $2
-- with the slugs $3. Nobody takes the last owner out of a team.
DELETE FROM team_members AS m
WHERE m.user_id = $1 AND m.from_groups
    AND NOT EXISTS (
        SELECT FROM unnest($2::text[], $3::text[]) AS kept (organization, team)
        JOIN organizations AS o ON o.slug = kept.organization
        JOIN teams AS t ON t.organization_id = o.id AND t.slug = kept.team
        WHERE t.id = m.team_id
    )
    AND (m.role <> 'owner' OR EXISTS (
        SELECT FROM team_members AS other
        WHERE other.team_id = m.team_id AND other.role = 'owner' AND other.user_id <> $1
    ))

-- give_group_roles --
-- Give the user $1, in the teams of the organizations $2 with the slugs $3, the roles $4. What somebody
-- gave them by hand stays as it is, and so does the last owner of a team.
INSERT INTO team_members AS m (team_id, user_id, role, from_groups)
SELECT t.id, $1, given.role, true
FROM unnest($2::text[], $3::text[], $4::text[]) AS given (organization, team, role)
JOIN organizations AS o ON o.slug = given.organization
JOIN teams AS t ON t.organization_id = o.id AND t.slug = given.team AND t.deleted_at IS NULL
ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role
WHERE m.from_groups AND m.role <> excluded.role
    AND (m.role <> 'owner' OR EXISTS (
        SELECT FROM team_members AS other
        WHERE other.team_id = m.team_id AND other.role = 'owner' AND other.user_id <> m.user_id
    ))

-- note_address --
-- Say where the client of this transaction is, for the audit log.
SELECT set_config('app.address', $1, true)

-- join_by_link --
-- Make the user $2 a member by the link with the digest $1; see the function in schema.sql.
SELECT use_invitation_link($1, $2)

-- invitation_link_offer --
-- What the link with the digest $1 offers, who made it, and whether it is good.
SELECT
    l.team_id, t.name AS team_name, o.name AS organization_name, l.role, l.expires_at,
    l.max_uses - l.uses AS uses_left, l.revoked_at IS NOT NULL AS is_revoked,
    l.expires_at <= now() AS is_expired, l.invited_by AS inviter_id, u.name AS inviter_name,
    u.avatar_url AS inviter_avatar_url
FROM invitation_links AS l
JOIN teams AS t ON t.id = l.team_id AND t.deleted_at IS NULL
JOIN organizations AS o ON o.id = t.organization_id
JOIN users AS u ON u.id = l.invited_by
WHERE l.digest = $1

-- everybody --
-- All users but the system, with their teams and roles, and how many identities they have.
SELECT
    u.id, u.email, u.name, u.email_unproven, u.created_at,
    (SELECT count(*) FROM user_identities AS i WHERE i.user_id = u.id) AS identities,
    coalesce(
        (
            SELECT jsonb_agg(
                jsonb_build_object(
                    'team', o.slug || '/' || t.slug, 'role', m.role, 'from_groups', m.from_groups
                )
                ORDER BY o.slug, t.slug
            )
            FROM team_members AS m
            JOIN teams AS t ON t.id = m.team_id AND t.deleted_at IS NULL
            JOIN organizations AS o ON o.id = t.organization_id
            WHERE m.user_id = u.id
        ),
        '[]'
    ) AS teams
FROM users AS u
WHERE u.id <> '00000000-0000-4000-8000-000000000001'
ORDER BY lower(u.email)

-- user_id_by_email --
-- The id of the user with an address, ignoring case.
SELECT id FROM users WHERE lower(email) = lower($1)

-- add_member_by_hand --
-- Make the user $2 a member of the team $1 in the role $3; no row for who is one already.
INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING true

-- set_role_by_hand --
-- Give a member another role, which no group takes away from then on.
UPDATE team_members SET role = $3, from_groups = false
WHERE team_id = $1 AND user_id = $2
RETURNING true

-- remove_from_team --
-- Take a user out of a team.
DELETE FROM team_members WHERE team_id = $1 AND user_id = $2 RETURNING true

-- remove_user --
-- Delete a user; how many teams they were in and how many pipelines they made, which stay.
WITH counted AS (
    SELECT
        (SELECT count(*) FROM team_members WHERE user_id = $1) AS teams,
        (SELECT count(*) FROM pipelines WHERE created_by = $1) AS pipelines
), removed AS (
    DELETE FROM users WHERE id = $1 RETURNING id
)
SELECT counted.teams, counted.pipelines FROM counted, removed

-- take_shape_lease --
-- Take the lease of the shapes for the server $1 at the address $2 for $3 seconds, or renew it; no row if
-- another server has it. That one's row is not even locked.
INSERT INTO shape_lease AS l (holder, address, expires_at)
SELECT $1, $2, clock_timestamp() + make_interval(secs => $3)
WHERE NOT EXISTS (
    SELECT FROM shape_lease AS o WHERE o.holder <> $1 AND o.expires_at > clock_timestamp()
)
ON CONFLICT (is_only) DO UPDATE
SET holder = excluded.holder, address = excluded.address, expires_at = excluded.expires_at
WHERE l.holder = excluded.holder OR l.expires_at <= clock_timestamp()
RETURNING holder, address

-- shape_lease_holder --
-- Who has the lease of the shapes.
SELECT holder, address FROM shape_lease WHERE expires_at > clock_timestamp()

-- release_shape_lease --
-- Give the lease of the shapes back, if the server $1 has it.
DELETE FROM shape_lease WHERE holder = $1
