-- Where a stored state can be cut into updates that are applied one after another. They hold a digest of the
-- state that they belong to, since a program that does not know them stores states without.

ALTER TABLE pipeline_states ADD COLUMN slices bytea NOT NULL DEFAULT '';
