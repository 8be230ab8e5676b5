-- A stored state also of a document in which updates wait for their predecessors.

ALTER TABLE pipeline_states ADD COLUMN waiting bytea[] NOT NULL DEFAULT '{}';
