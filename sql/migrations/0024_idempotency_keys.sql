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
