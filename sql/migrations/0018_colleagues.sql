-- No query puts a stranger into a team, not even one that forgets to ask: the policy lets only colleagues
-- be added. Everybody else accepts an invitation.

-- Whether somebody is in a team that the user owns, of the same organization as this one.
CREATE FUNCTION is_my_colleague(team uuid, person uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM teams AS here
        JOIN teams AS there ON there.organization_id = here.organization_id
        JOIN team_members AS m ON m.team_id = there.id
        WHERE here.id = team AND m.user_id = person AND there.id = ANY (my_team_ids('owner'))
    )
$$;

REVOKE ALL ON FUNCTION is_my_colleague FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_my_colleague TO pipeloom_api;

ALTER POLICY team_members_insert ON team_members
WITH CHECK (
    (
        team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
        OR role <> 'owner' AND team_id = ANY ((SELECT my_team_ids('admin'))::uuid[])
    )
    AND is_my_colleague(team_id, user_id)
);
