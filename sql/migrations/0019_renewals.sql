-- Renewing an invitation is inviting again, for the limit of an hour, too. Its row is one, whatever was
-- renewed or withdrawn; the audit log has each of them.

CREATE INDEX idx_audit_invitations ON audit_log (actor_id, at) WHERE action = 'invitation.created';

-- How many invitations the user has given within an hour, and when the first of these.
CREATE FUNCTION my_invitations_of_last_hour() RETURNS TABLE (given bigint, first timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT count(*), min(a.at)
    FROM audit_log AS a
    WHERE a.action = 'invitation.created' AND a.actor_id = current_user_id()
        AND a.at > now() - interval '1 hour'
$$;

REVOKE ALL ON FUNCTION my_invitations_of_last_hour FROM PUBLIC;
GRANT EXECUTE ON FUNCTION my_invitations_of_last_hour TO pipeloom_api;
