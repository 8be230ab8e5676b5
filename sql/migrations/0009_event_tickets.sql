-- What stands in the address of a stream of events in place of a token: good once, for half a minute.

-- Only the hash of a ticket is kept. Nothing is lost when a crash empties the table: clients get
-- another ticket. There are no foreign keys, since what a row refers to is looked up when it is used.
CREATE UNLOGGED TABLE event_tickets (
    digest bytea PRIMARY KEY,
    user_id uuid NOT NULL,
    pipeline_id uuid NOT NULL,
    token_expires_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX idx_event_tickets_expires ON event_tickets (expires_at);

ALTER TABLE event_tickets ENABLE ROW LEVEL SECURITY;
