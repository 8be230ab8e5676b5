-- Steps that somebody edited while another one deleted them: what the worker has noticed is stored with
-- the document's state, and up to which update that is reported. What came before is taken as reported.

ALTER TABLE pipeline_states ADD COLUMN noticed bytea NOT NULL DEFAULT '';

ALTER TABLE projection_cursors ADD COLUMN reported_seq bigint NOT NULL DEFAULT 0;

UPDATE projection_cursors SET reported_seq = seq;
