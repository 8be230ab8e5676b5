-- Documents mend themselves: who edits then, when a document is due, and since when a diagnostic has
-- stood. What is wrong already is mended at once.

INSERT INTO users (id, email, name)
VALUES ('00000000-0000-4000-8000-000000000001', 'system@pipeloom.invalid', 'system');

ALTER TABLE projection_cursors ADD COLUMN mend_at timestamptz;

CREATE INDEX idx_cursors_mend ON projection_cursors (mend_at)
WHERE mend_at IS NOT NULL;

ALTER TABLE pipeline_diagnostics ADD COLUMN found_at timestamptz NOT NULL DEFAULT now();

UPDATE projection_cursors AS c SET mend_at = now()
WHERE EXISTS (SELECT FROM pipeline_diagnostics AS d WHERE d.pipeline_id = c.pipeline_id);
