-- shape_access --
-- The teams of the users $1 and since when they are in each, and the team of each of the pipelines $2
-- that is there: what my_team_ids and the policy of pipelines go by, for many users at one moment.
SELECT false AS is_pipeline, m.user_id AS subject, m.team_id, m.joined_at
FROM team_members AS m
JOIN teams AS t ON t.id = m.team_id AND t.deleted_at IS NULL
WHERE m.user_id = ANY ($1::uuid[])
UNION ALL
SELECT true, p.id, p.team_id, NULL
FROM pipelines AS p
WHERE p.id = ANY ($2::uuid[]) AND p.deleted_at IS NULL

-- shape_position --
-- What this transaction sees, and where the write-ahead log ends, as a row like those of
-- `shape_rows`, with a number that no query has.
SELECT -1, '0', ARRAY[
    pg_current_snapshot()::text, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text
]

-- shape_rows --
-- Rows as text, with the number of their query and the transaction that wrote each; the words in
-- angle brackets are filled in. In parentheses, so that several can be joined by UNION ALL.
(
    SELECT <number>, xmin::text, ARRAY[<columns>]
    FROM <table>
    WHERE <conditions>
    <order>
    LIMIT <limit> OFFSET <offset>
)

-- shape_read --
-- The rows of several queries. From where they are too many bytes together, they come without their
-- columns: PostgreSQL puts what it has to count into files, and the server has no more in memory.
SELECT
    number, xid,
    CASE WHEN sum(pg_column_size(columns)) OVER (ROWS UNBOUNDED PRECEDING) <= <bytes> THEN columns END
FROM (
    <queries>
) AS found (number, xid, columns)

-- mark_shapes --
-- Announce a mark behind what was committed before.
SELECT pg_notify('pipeloom_shapes', $1)
