-- Edits by the server are decided while the end of the log is locked; a large one reserves it.

ALTER TABLE pipeline_documents
ADD COLUMN reserved_by uuid,
ADD COLUMN reserved_until timestamptz;

-- Lock the heads of documents until the end of the transaction, for edits that are decided on what
-- their logs hold. Returns head, reservation and the updates after a position of each document that
-- exists: at most 1,000 of them and so many bytes, one row each; one row where none is missing.
CREATE FUNCTION lock_documents(
    pipeline_ids uuid[], positions bigint[], most_bytes bigint, idle_milliseconds integer
) RETURNS TABLE (
    pipeline_id uuid, head_seq bigint, reserved_by uuid,
    seq bigint, user_id uuid, payload bytea, received_at timestamptz
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
        u.seq, u.user_id, u.payload, u.received_at
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
