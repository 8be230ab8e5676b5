-- Where in an entry of the document a diagnostic was found, as a JSON pointer, and what to do about
-- it. An older server writes neither, and its rows keep the empty defaults.
ALTER TABLE pipeline_diagnostics
    ADD COLUMN path text NOT NULL DEFAULT '',
    ADD COLUMN suggestion text NOT NULL DEFAULT '';
