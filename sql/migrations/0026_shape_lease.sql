-- Which server has the shapes. There is one row at most, and it is for that server until it expires;
-- whoever has no row to renew takes what has expired. UNLOGGED, since nothing is lost with it: after a
-- crash of PostgreSQL whoever is asked first takes the lease anew.
CREATE UNLOGGED TABLE shape_lease (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    holder uuid NOT NULL,
    address text NOT NULL,
    expires_at timestamptz NOT NULL
);

ALTER TABLE shape_lease ENABLE ROW LEVEL SECURITY;
