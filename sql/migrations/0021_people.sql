-- People come into being by tokens of an identity provider, by links, and by a command.
-- It is safe beside servers of the version before: they never write the new columns, whose defaults say
-- what was so before.

-- Somebody typed the address of such a user and nobody has proved it: it opens nothing.
ALTER TABLE users ADD COLUMN email_unproven boolean NOT NULL DEFAULT false;

-- A membership that came from a group of the identity provider goes with the group.
ALTER TABLE team_members ADD COLUMN from_groups boolean NOT NULL DEFAULT false;

-- Who a subject of an issuer is here. `claims_at` is when the newest token was issued whose claims were
-- taken over: an older one brings back neither an address nor a group.
CREATE TABLE user_identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    claims_at timestamptz NOT NULL DEFAULT '-infinity',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX idx_user_identities_user ON user_identities (user_id);

ALTER TABLE user_identities ENABLE ROW LEVEL SECURITY;

-- Links by which anybody becomes a member who has one. `digest` is of the secret in the link.
CREATE TABLE invitation_links (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id uuid NOT NULL,
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    invited_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    max_uses integer NOT NULL CHECK (max_uses > 0),
    uses integer NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND max_uses),
    revoked_at timestamptz,
    -- A link ends with the membership of who made it.
    FOREIGN KEY (team_id, invited_by) REFERENCES team_members ON DELETE CASCADE
);

CREATE INDEX idx_invitation_links_team ON invitation_links (team_id, invited_by);
CREATE INDEX idx_invitation_links_expires ON invitation_links (expires_at);

-- Makes a link whose secret has this digest; NULL if the user may not. Some of those that have expired
-- are deleted by the way.
CREATE FUNCTION create_invitation_link(
    team uuid, secret bytea, team_role text, valid_for interval, most_uses integer
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM invitation_links WHERE id IN (
        SELECT l.id FROM invitation_links AS l
        WHERE l.expires_at < now()
        ORDER BY l.expires_at
        LIMIT 20
        FOR UPDATE SKIP LOCKED
    );
    INSERT INTO invitation_links AS l (team_id, digest, role, invited_by, expires_at, max_uses)
    SELECT team, secret, team_role, current_user_id(), now() + valid_for, most_uses
    WHERE team = ANY (my_team_ids(CASE team_role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    RETURNING l.id
$$;

-- NULL if there is no such link to a team of the user's, or the user may not revoke it.
CREATE FUNCTION revoke_invitation_link(link uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE invitation_links AS l
    SET revoked_at = now()
    WHERE l.id = link AND l.revoked_at IS NULL
        AND l.team_id = ANY (my_team_ids(CASE l.role WHEN 'owner' THEN 'owner' ELSE 'admin' END))
    RETURNING l.id
$$;

-- Makes somebody a member of the team of a link; the team's id, or NULL if the link is not good any more.
-- Who is a member already uses nothing up.
CREATE FUNCTION use_invitation_link(secret bytea, person uuid) RETURNS uuid
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    link invitation_links;
BEGIN
    -- Locked: of two who take the last use at once, the second finds none.
    SELECT l.* INTO link
    FROM invitation_links AS l
    JOIN teams AS t ON t.id = l.team_id
    WHERE l.digest = secret AND l.revoked_at IS NULL AND l.expires_at > now()
        AND t.deleted_at IS NULL
    FOR UPDATE OF l;
    IF EXISTS (
        SELECT FROM team_members AS m WHERE m.team_id = link.team_id AND m.user_id = person
    ) THEN
        RETURN link.team_id;
    END IF;
    IF link.id IS NULL OR link.uses >= link.max_uses THEN
        RETURN NULL;
    END IF;
    UPDATE invitation_links AS l SET uses = l.uses + 1 WHERE l.id = link.id;
    INSERT INTO team_members (team_id, user_id, role) VALUES (link.team_id, person, link.role)
    ON CONFLICT DO NOTHING;
    RETURN link.team_id;
END
$$;

CREATE FUNCTION accept_invitation_link(secret bytea) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT use_invitation_link(secret, current_user_id()) $$;

-- As of invitations to an address; the secret's digest is in no log.
CREATE FUNCTION record_invitation_link() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM record_action(
        t.organization_id, t.id,
        CASE TG_OP WHEN 'INSERT' THEN 'invitation.created' ELSE 'invitation.withdrawn' END, NEW.id,
        CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) - 'digest' END, to_jsonb(NEW) - 'digest'
    )
    FROM teams AS t
    WHERE t.id = NEW.team_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER record_invitation_link
AFTER INSERT OR UPDATE OF revoked_at ON invitation_links
FOR EACH ROW EXECUTE FUNCTION record_invitation_link();

-- As before, and the links end, too.
CREATE OR REPLACE FUNCTION end_invitations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM invitations AS i
    WHERE i.team_id = NEW.team_id AND i.invited_by = NEW.user_id
        AND (NEW.role <> 'admin' OR i.role = 'owner');
    DELETE FROM invitation_links AS l
    WHERE l.team_id = NEW.team_id AND l.invited_by = NEW.user_id
        AND (NEW.role <> 'admin' OR l.role = 'owner');
    RETURN NULL;
END
$$;

-- As before, but an address that nobody has proved is invited to nothing.
CREATE OR REPLACE VIEW my_invitations WITH (security_barrier = true) AS
SELECT
    i.id, i.team_id, t.name AS team_name, o.name AS organization_name, i.role, i.created_at,
    i.expires_at, u.id AS inviter_id, u.name AS inviter_name, u.avatar_url AS inviter_avatar_url
FROM invitations AS i
JOIN teams AS t ON t.id = i.team_id AND t.deleted_at IS NULL
JOIN organizations AS o ON o.id = t.organization_id
JOIN users AS u ON u.id = i.invited_by
WHERE i.state = 'open' AND i.expires_at > now() AND i.declined_at IS NULL
    AND (
        i.user_id = (SELECT current_user_id())
        OR i.email = (
            SELECT lower(me.email) FROM users AS me
            WHERE me.id = current_user_id() AND NOT me.email_unproven
        )
    )
    AND NOT EXISTS (
        SELECT FROM team_members AS m
        WHERE m.team_id = i.team_id AND m.user_id = current_user_id()
    );

-- As before, but an address that nobody has proved closes nobody's invitation.
CREATE OR REPLACE FUNCTION close_invitations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE invitations AS i
    SET state = 'accepted'
    WHERE i.team_id = NEW.team_id AND i.state = 'open' AND (
        i.user_id = NEW.user_id
        OR i.email = (
            SELECT lower(u.email) FROM users AS u WHERE u.id = NEW.user_id AND NOT u.email_unproven
        )
    );
    RETURN NULL;
END
$$;

ALTER TABLE invitation_links ENABLE ROW LEVEL SECURITY;

CREATE POLICY invitation_links_select ON invitation_links FOR SELECT TO pipeloom_api
USING (team_id = ANY ((SELECT my_team_ids('admin'))::uuid[]));

GRANT SELECT (id, team_id, role, invited_by, created_at, expires_at, max_uses, uses, revoked_at)
ON invitation_links TO pipeloom_api;
REVOKE ALL ON FUNCTION create_invitation_link, revoke_invitation_link, use_invitation_link,
    accept_invitation_link FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_invitation_link, revoke_invitation_link, accept_invitation_link
TO pipeloom_api;
