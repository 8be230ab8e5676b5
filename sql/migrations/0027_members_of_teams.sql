-- A team that is deleted, restored or moved names its members to the servers, so that only they are woken.
-- Older servers ignore the names, and wake everybody as before.

-- An organization is seen by whoever is in a team of it, and a deleted team by nobody. `u` are the members of
-- the teams that moved; where there are too many it is missing, which stands for everybody. Members of a team
-- that is made or deleted for good come or go themselves, and are announced as such. The policies hide the
-- members of a deleted team, so they are looked up with the rights of the tables' owner.
CREATE OR REPLACE FUNCTION announce_teams() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    ids uuid[];
    moved uuid[];
    members uuid[] := '{}';
    places integer;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT
            array_agg(DISTINCT r.id),
            coalesce(array_agg(DISTINCT r.id) FILTER (WHERE r.is_moved), '{}')
        INTO ids, moved
        FROM (
            SELECT
                c.id,
                f.id IS NULL OR f.organization_id <> c.organization_id
                    OR (f.deleted_at IS NULL) <> (c.deleted_at IS NULL) AS is_moved
            FROM changed AS c
            LEFT JOIN former AS f ON f.id = c.id
            UNION ALL
            SELECT f.id, false FROM former AS f
        ) AS r;
        SELECT coalesce(array_agg(DISTINCT m.user_id), '{}') INTO members
        FROM team_members AS m
        WHERE m.team_id = ANY (moved);
    ELSE
        SELECT array_agg(DISTINCT c.id) INTO ids FROM changed AS c;
        moved := ids;
    END IF;
    IF ids IS NOT NULL THEN
        places := 190 - cardinality(moved);
        PERFORM pg_notify('pipeloom_shapes', json_strip_nulls(json_build_object(
            't', TG_TABLE_NAME,
            'x', pg_current_xact_id()::xid::text,
            'i', CASE WHEN cardinality(ids) <= places THEN ids END,
            'm', CASE WHEN places >= 0 THEN moved END,
            'u', CASE WHEN cardinality(ids) + cardinality(members) <= places THEN members END
        ))::text);
    END IF;
    RETURN NULL;
END
$$;
