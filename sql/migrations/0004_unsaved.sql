-- Which pipelines were edited since their last version, for the worker that saves versions.

-- When the first update was received that no version holds; NULL if there is none.
ALTER TABLE projection_cursors ADD COLUMN unsaved_since timestamptz;

CREATE INDEX idx_cursors_unsaved ON projection_cursors (unsaved_since)
WHERE unsaved_since IS NOT NULL;
