-- The plan of an append is kept. PostgreSQL makes it anew for each call otherwise, since it cannot know
-- that the arrays are always short, and that takes a third of what an append takes.

ALTER FUNCTION append_updates(uuid[], uuid[], bytea[], timestamptz[]) SET plan_cache_mode = force_generic_plan;
