-- A team of an organization, with the user as its owner. Owners of any team rule the organization, so
-- only they make further ones.
CREATE OR REPLACE FUNCTION create_team(organization uuid, team_name text, team_slug text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    created uuid;
BEGIN
    IF NOT organization = ANY (my_organization_ids()) THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('there is no organization %s: check the id', organization);
    END IF;
    IF NOT organization = ANY (my_organization_ids('owner')) THEN
        RAISE insufficient_privilege USING
            MESSAGE = 'expected an owner of a team of this organization';
    END IF;
    INSERT INTO teams (organization_id, name, slug) VALUES (organization, team_name, team_slug)
    RETURNING id INTO created;
    INSERT INTO team_members (team_id, user_id, role) VALUES (created, current_user_id(), 'owner');
    RETURN created;
END
$$;
