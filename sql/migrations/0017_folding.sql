-- The log can be folded: a row may be the merge of several updates that followed each other, of one user
-- within one minute. It has the number of the last one, and says where it begins.

ALTER TABLE pipeline_updates ADD COLUMN first_seq bigint, ADD COLUMN first_received_at timestamptz;

-- Up to where a log is folded as far as it can be, and how much smaller that has made its updates.
ALTER TABLE projection_cursors
    ADD COLUMN folded_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN folded_bytes bigint NOT NULL DEFAULT 0;

-- As before, and it says of folded updates what they are made of.
DROP FUNCTION lock_documents;

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
