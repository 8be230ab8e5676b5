-- Nobody fills the disk with entries of the audit log, and the log of an organization without teams has
-- readers.

CREATE INDEX idx_audit_actor ON audit_log (actor_id, at) WHERE actor_id IS NOT NULL;
CREATE INDEX idx_audit_purged_teams ON audit_log (organization_id, id) WHERE action = 'team.purged';
CREATE INDEX idx_audit_owners ON audit_log USING gin ((before -> 'owners')) WHERE action = 'team.purged';

-- As before, but whole of those who owned a purged team: they may read the log.
CREATE OR REPLACE FUNCTION audit_image(image jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT jsonb_object_agg(field.key, CASE
        WHEN jsonb_typeof(field.value) = 'string' THEN
            CASE WHEN length(field.value #>> '{}') > 500
                THEN to_jsonb(left(field.value #>> '{}', 500) || '…')
                ELSE field.value
            END
        WHEN octet_length(field.value::text) > 2000 AND field.key <> 'owners' THEN jsonb_build_object(
            'bytes', octet_length(field.value::text),
            'sha256', encode(sha256(convert_to(field.value::text, 'UTF8')), 'hex')
        )
        ELSE field.value
    END)
    FROM jsonb_each(image) AS field
    WHERE field.key <> ALL ('{config,defaults,authentication}')
$$;

-- Raise PL429 if the user has made as many changes within an hour as the transaction says, with the
-- seconds until that will be one less as its detail. Of one transaction, which may be of many entries,
-- this is asked once.
CREATE FUNCTION require_pause_between_changes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    most integer := nullif(current_setting('app.most_changes', true), '');
    made integer;
    first timestamptz;
BEGIN
    IF most IS NULL OR current_user_id() IS NULL
        OR current_setting('app.changes_counted', true) = 'on' THEN
        RETURN;
    END IF;
    SELECT count(*), min(counted.at) INTO made, first
    FROM (
        SELECT a.at
        FROM audit_log AS a
        WHERE a.actor_id = current_user_id() AND a.at > now() - interval '1 hour'
        ORDER BY a.at DESC
        LIMIT most
    ) AS counted;
    IF made >= most THEN
        RAISE 'too many changes' USING
            ERRCODE = 'PL429',
            DETAIL = ceil(extract(epoch FROM first + interval '1 hour' - now()));
    END IF;
    PERFORM set_config('app.changes_counted', 'on', true);
END
$$;

-- Restoring is never too much: it takes a deletion before.
CREATE OR REPLACE FUNCTION record_action(
    organization uuid, team uuid, action text, subject uuid, before jsonb, after jsonb
) RETURNS void
LANGUAGE sql
AS $$
    SELECT require_pause_between_changes() WHERE action NOT LIKE '%.restored';
    INSERT INTO audit_log (
        organization_id, team_id, actor_id, address, action, subject_id, before, after
    )
    VALUES (
        organization, team, current_user_id(), audit_address(), action, subject,
        audit_image(before), audit_image(after)
    )
$$;

-- As before, with those who owned the team.
CREATE OR REPLACE FUNCTION record_purged_team() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    owners jsonb := (
        SELECT coalesce(jsonb_agg(m.user_id ORDER BY m.user_id), '[]')
        FROM team_members AS m
        WHERE m.team_id = OLD.id AND m.role = 'owner'
    );
BEGIN
    PERFORM record_action(
        OLD.organization_id, OLD.id, 'pipeline.purged', p.id, to_jsonb(p), NULL
    )
    FROM pipelines AS p
    WHERE p.team_id = OLD.id
    ORDER BY p.id;
    PERFORM record_action(
        OLD.organization_id, OLD.id, 'team.purged', OLD.id,
        to_jsonb(OLD) || jsonb_build_object('owners', owners), NULL
    );
    RETURN OLD;
END
$$;

-- The organizations that have no team any more, and of which the user owned the last one that was purged.
CREATE FUNCTION my_former_organization_ids() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT coalesce(array_agg(a.organization_id), '{}')
    FROM audit_log AS a
    WHERE a.action = 'team.purged' AND a.before -> 'owners' ? current_user_id()::text
        AND NOT EXISTS (SELECT FROM teams AS t WHERE t.organization_id = a.organization_id)
        AND NOT EXISTS (
            SELECT FROM audit_log AS later
            WHERE later.organization_id = a.organization_id AND later.action = 'team.purged'
                AND later.id > a.id
        )
$$;

DROP POLICY audit_log_select ON audit_log;
CREATE POLICY audit_log_select ON audit_log FOR SELECT TO pipeloom_api
USING (
    team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
    OR organization_id = ANY ((SELECT my_organization_ids('owner'))::uuid[])
    OR organization_id = ANY ((SELECT my_former_organization_ids())::uuid[])
);

REVOKE ALL ON FUNCTION require_pause_between_changes, my_former_organization_ids FROM PUBLIC;
GRANT EXECUTE ON FUNCTION my_former_organization_ids TO pipeloom_api;
