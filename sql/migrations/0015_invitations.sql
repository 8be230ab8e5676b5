-- Nobody is put into a team: whoever is invited accepts. An invitation is addressed as the inviter gave
-- it, by address or by id, and refers to no user: whether there is one must show nowhere.

CREATE TABLE invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id uuid NOT NULL,
    email text CHECK (email = lower(email)),
    user_id uuid,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    invited_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'withdrawn')),
    -- For the invited it is gone then; for the team it stays open, or it would show who exists.
    declined_at timestamptz,
    CONSTRAINT invitations_one_address CHECK (num_nonnulls(email, user_id) = 1),
    -- An invitation ends with the membership of who invited.
    FOREIGN KEY (team_id, invited_by) REFERENCES team_members ON DELETE CASCADE
);

CREATE UNIQUE INDEX invitations_invited_once
ON invitations (team_id, (coalesce(email, user_id::text)));
CREATE INDEX idx_invitations_email ON invitations (email);
CREATE INDEX idx_invitations_user ON invitations (user_id);
CREATE INDEX idx_invitations_inviter ON invitations (invited_by, created_at);
CREATE INDEX idx_invitations_expires ON invitations (expires_at);

-- What the user is invited to. It looks past the policies that hide the teams of others.
CREATE VIEW my_invitations WITH (security_barrier = true) AS
SELECT
    i.id, i.team_id, t.name AS team_name, o.name AS organization_name, i.role, i.created_at,
    i.expires_at, u.id AS inviter_id, u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitations AS i
JOIN teams AS t ON t.id = i.team_id
JOIN organizations AS o ON o.id = t.organization_id
JOIN users AS u ON u.id = i.invited_by
WHERE i.state = 'open' AND i.expires_at > now() AND i.declined_at IS NULL
    AND (
        i.user_id = (SELECT current_user_id())
        OR i.email = (SELECT lower(me.email) FROM users AS me WHERE me.id = current_user_id())
    )
    AND NOT EXISTS (
        SELECT FROM team_members AS m
        WHERE m.team_id = i.team_id AND m.user_id = current_user_id()
    );

-- Invites somebody, or renews the invitation; NULL if the user may not do so, or not change the one that
-- an owner has given. It does the same work whoever exists. Who has declined is left alone for as long
-- as an invitation lasts. Some of those that have expired are deleted by the way.
CREATE FUNCTION invite(team uuid, address text, person uuid, team_role text, valid_for interval)
RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM invitations WHERE id IN (
        SELECT i.id FROM invitations AS i
        WHERE i.expires_at < now()
        ORDER BY i.expires_at
        LIMIT 20
        FOR UPDATE SKIP LOCKED
    );
    INSERT INTO invitations AS i (team_id, email, user_id, role, invited_by, expires_at)
    SELECT team, lower(address), person, team_role, current_user_id(), now() + valid_for
    WHERE team = ANY (my_team_ids(CASE team_role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    ON CONFLICT (team_id, (coalesce(email, user_id::text))) DO UPDATE
    SET role = excluded.role, invited_by = excluded.invited_by, created_at = now(),
        expires_at = excluded.expires_at, state = 'open',
        declined_at = CASE WHEN i.declined_at > now() - valid_for THEN i.declined_at END
    WHERE i.role <> 'owner' OR i.state <> 'open' OR i.expires_at <= now()
        OR i.team_id = ANY (my_team_ids('owner'))
    RETURNING i.id
$$;

-- NULL if there is no such open invitation to a team of the user's, or the user may not withdraw it.
CREATE FUNCTION withdraw_invitation(invitation uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE invitations AS i
    SET state = 'withdrawn'
    WHERE i.id = invitation AND i.state = 'open'
        AND i.team_id = ANY (my_team_ids(CASE i.role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    RETURNING i.id
$$;

-- Makes the user a member; the team's id, or NULL if the user has no such invitation.
CREATE FUNCTION accept_invitation(invitation uuid) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    chosen my_invitations;
BEGIN
    -- Locked first: of one who accepts and one who withdraws at once, the second sees what the first did.
    PERFORM FROM invitations AS i WHERE i.id = invitation FOR UPDATE;
    SELECT m.* INTO chosen FROM my_invitations AS m WHERE m.id = invitation;
    INSERT INTO team_members (team_id, user_id, role)
    SELECT chosen.team_id, current_user_id(), chosen.role WHERE chosen.id IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN chosen.team_id;
END
$$;

-- NULL if the user has no such invitation.
CREATE FUNCTION decline_invitation(invitation uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE invitations AS i
    SET declined_at = now()
    WHERE i.id = (SELECT m.id FROM my_invitations AS m WHERE m.id = invitation)
    RETURNING i.id
$$;

-- Who has become a member, in whichever way, is not invited any more.
CREATE FUNCTION close_invitations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE invitations AS i
    SET state = 'accepted'
    WHERE i.team_id = NEW.team_id AND i.state = 'open' AND (
        i.user_id = NEW.user_id
        OR i.email = (SELECT lower(u.email) FROM users AS u WHERE u.id = NEW.user_id)
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER close_invitations
AFTER INSERT ON team_members
FOR EACH ROW EXECUTE FUNCTION close_invitations();

-- An invitation ends, too, with the right of who invited to give such a role.
CREATE FUNCTION end_invitations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM invitations AS i
    WHERE i.team_id = NEW.team_id AND i.invited_by = NEW.user_id
        AND (NEW.role <> 'admin' OR i.role = 'owner');
    RETURN NULL;
END
$$;

CREATE TRIGGER end_invitations
AFTER UPDATE OF role ON team_members
FOR EACH ROW WHEN (OLD.role IN ('owner', 'admin') AND NEW.role <> 'owner')
EXECUTE FUNCTION end_invitations();

ALTER TABLE audit_log DROP CONSTRAINT audit_log_action_check;
ALTER TABLE audit_log ADD CONSTRAINT audit_log_action_check CHECK (action IN (
    'comment.deleted', 'invitation.created', 'invitation.withdrawn', 'member.added',
    'member.removed', 'member.role_changed', 'organization.changed', 'organization.created',
    'organization.deleted', 'pipeline.created', 'pipeline.deleted', 'pipeline.moved',
    'pipeline.purged', 'pipeline.restored', 'team.changed', 'team.created', 'team.deleted',
    'team.purged', 'team.restored', 'template.changed', 'template.created', 'template.deleted'
));

-- Renewing one is inviting again. Who has accepted is recorded as a new member; who has declined is not.
CREATE FUNCTION record_invitation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM record_action(
        t.organization_id, t.id,
        CASE NEW.state WHEN 'open' THEN 'invitation.created' ELSE 'invitation.withdrawn' END, NEW.id,
        CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) - 'declined_at' END,
        to_jsonb(NEW) - 'declined_at'
    )
    FROM teams AS t
    WHERE t.id = NEW.team_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER record_invitation
AFTER INSERT ON invitations
FOR EACH ROW EXECUTE FUNCTION record_invitation();

CREATE TRIGGER record_changed_invitation
AFTER UPDATE OF created_at, state ON invitations
FOR EACH ROW WHEN (NEW.state <> 'accepted' AND (OLD.created_at, OLD.state) <> (NEW.created_at, NEW.state))
EXECUTE FUNCTION record_invitation();

ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;

CREATE POLICY invitations_select ON invitations FOR SELECT TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids('admin'))::uuid[]));

-- Not declined_at: nobody of the team may see that an address has declined.
GRANT SELECT (id, team_id, email, user_id, role, invited_by, created_at, expires_at, state)
ON invitations TO pipeloom_api;
GRANT SELECT ON my_invitations TO pipeloom_api;
REVOKE ALL ON FUNCTION invite, withdraw_invitation, accept_invitation, decline_invitation FROM PUBLIC;
GRANT EXECUTE ON FUNCTION invite, withdraw_invitation, accept_invitation, decline_invitation
TO pipeloom_api;
