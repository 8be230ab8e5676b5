-- The audit log: who changed what that is in no document, when and from where, and what it was before
-- and after. Triggers write it, so that SQL by hand is recorded, too.

-- There are no foreign keys: an entry outlives what it speaks of. `actor_id` is NULL unless a user
-- did it. `address` is that of the user's client, or `command`, `worker`, `server` or `database` (SQL
-- by hand). `subject_id` is what was changed; of a membership it is the user.
CREATE TABLE audit_log (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    organization_id uuid NOT NULL,
    team_id uuid,
    actor_id uuid,
    address text NOT NULL,
    action text NOT NULL CHECK (action IN (
        'comment.deleted', 'member.added', 'member.removed', 'member.role_changed',
        'organization.changed', 'organization.created', 'organization.deleted',
        'pipeline.created', 'pipeline.deleted', 'pipeline.moved', 'pipeline.purged',
        'pipeline.restored', 'team.changed', 'team.created', 'team.deleted', 'team.purged',
        'team.restored', 'template.changed', 'template.created', 'template.deleted'
    )),
    subject_id uuid NOT NULL,
    before jsonb,
    after jsonb
);

CREATE INDEX idx_audit_team ON audit_log (team_id, id);
CREATE INDEX idx_audit_organization ON audit_log (organization_id, id);
CREATE INDEX idx_audit_at ON audit_log (at);

-- Where a change comes from: what the transaction says, else which program is connected.
CREATE FUNCTION audit_address() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT coalesce(nullif(current_setting('app.address', true), ''), (
        CASE current_setting('application_name')
            WHEN 'pipeloom' THEN 'server'
            WHEN 'pipeloom command' THEN 'command'
            WHEN 'pipeloom worker' THEN 'worker'
            ELSE 'database'
        END
    ))
$$;

-- A row as the audit log keeps it: without what is a document's and what may be secret, texts cut,
-- and in place of other large values their size and digest. NULL for none.
CREATE FUNCTION audit_image(image jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT jsonb_object_agg(field.key, CASE
        WHEN jsonb_typeof(field.value) = 'string' THEN
            CASE WHEN length(field.value #>> '{}') > 500
                THEN to_jsonb(left(field.value #>> '{}', 500) || '…')
                ELSE field.value
            END
        WHEN octet_length(field.value::text) > 2000 THEN jsonb_build_object(
            'bytes', octet_length(field.value::text),
            'sha256', encode(sha256(convert_to(field.value::text, 'UTF8')), 'hex')
        )
        ELSE field.value
    END)
    FROM jsonb_each(image) AS field
    WHERE field.key <> ALL ('{config,defaults,authentication}')
$$;

CREATE FUNCTION record_action(
    organization uuid, team uuid, action text, subject uuid, before jsonb, after jsonb
) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO audit_log (
        organization_id, team_id, actor_id, address, action, subject_id, before, after
    )
    VALUES (
        organization, team, current_user_id(), audit_address(), action, subject,
        audit_image(before), audit_image(after)
    )
$$;

-- Called with what the table's rows are, and what inserting, updating and deleting one is called.
CREATE FUNCTION record_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    changed jsonb := coalesce(after, before);
    verb text := CASE
        WHEN TG_OP = 'INSERT' THEN TG_ARGV[1]
        WHEN TG_OP = 'DELETE' THEN TG_ARGV[3]
        WHEN before ->> 'deleted_at' IS NULL AND after ->> 'deleted_at' IS NOT NULL THEN 'deleted'
        WHEN before ->> 'deleted_at' IS NOT NULL AND after ->> 'deleted_at' IS NULL THEN 'restored'
        WHEN TG_ARGV[2] <> 'moved' OR before ->> 'team_id' <> after ->> 'team_id' THEN TG_ARGV[2]
    END;
    subject uuid := CASE TG_ARGV[0] WHEN 'member' THEN changed ->> 'user_id' ELSE changed ->> 'id' END;
    organization uuid;
    team uuid;
BEGIN
    IF verb IS NULL OR before = after THEN
        RETURN NULL;
    END IF;
    IF TG_ARGV[0] = 'organization' THEN
        PERFORM record_action(subject, NULL, 'organization.' || verb, subject, before, after);
        RETURN NULL;
    END IF;
    -- Both teams of a pipeline that moves have it in their logs. What is deleted together with its
    -- pipeline or team finds none: the log has the pipeline or the team instead.
    FOR organization, team IN
        SELECT t.organization_id, t.id
        FROM teams AS t
        WHERE t.id = ANY (CASE TG_ARGV[0]
            WHEN 'team' THEN ARRAY[subject]
            WHEN 'comment' THEN ARRAY(
                SELECT p.team_id FROM pipelines AS p WHERE p.id = (changed ->> 'pipeline_id')::uuid
            )
            ELSE ARRAY[(before ->> 'team_id')::uuid, (after ->> 'team_id')::uuid]
        END)
        ORDER BY t.id
    LOOP
        PERFORM record_action(
            organization, team, TG_ARGV[0] || '.' || verb, subject, before, after
        );
    END LOOP;
    RETURN NULL;
END
$$;

-- Before the team is deleted with what is in it: afterwards nobody could say what that was.
CREATE FUNCTION record_purged_team() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM record_action(
        OLD.organization_id, OLD.id, 'pipeline.purged', p.id, to_jsonb(p), NULL
    )
    FROM pipelines AS p
    WHERE p.team_id = OLD.id
    ORDER BY p.id;
    PERFORM record_action(OLD.organization_id, OLD.id, 'team.purged', OLD.id, to_jsonb(OLD), NULL);
    RETURN OLD;
END
$$;

CREATE TRIGGER record_organization
AFTER INSERT OR DELETE OR UPDATE OF name, slug, settings ON organizations
FOR EACH ROW EXECUTE FUNCTION record_change('organization', 'created', 'changed', 'deleted');

CREATE TRIGGER record_team
AFTER INSERT OR UPDATE OF organization_id, name, slug, settings ON teams
FOR EACH ROW EXECUTE FUNCTION record_change('team', 'created', 'changed');

CREATE TRIGGER record_purged_team
BEFORE DELETE ON teams
FOR EACH ROW EXECUTE FUNCTION record_purged_team();

CREATE TRIGGER record_member
AFTER INSERT OR DELETE ON team_members
FOR EACH ROW EXECUTE FUNCTION record_change('member', 'added', 'role_changed', 'removed');

CREATE TRIGGER record_role
AFTER UPDATE OF role ON team_members
FOR EACH ROW WHEN (OLD.role <> NEW.role)
EXECUTE FUNCTION record_change('member', 'added', 'role_changed', 'removed');

-- What is in a document is in its log, under the name of its author.
CREATE TRIGGER record_pipeline
AFTER INSERT OR DELETE OR UPDATE OF team_id, deleted_at ON pipelines
FOR EACH ROW EXECUTE FUNCTION record_change('pipeline', 'created', 'moved', 'purged');

CREATE TRIGGER record_template
AFTER INSERT OR DELETE
    OR UPDATE OF name, description, category, icon, pipeline_config, default_values
ON pipeline_templates
FOR EACH ROW EXECUTE FUNCTION record_change('template', 'created', 'changed', 'deleted');

CREATE TRIGGER record_comment
AFTER DELETE ON comments
FOR EACH ROW WHEN (OLD.user_id IS DISTINCT FROM current_user_id())
EXECUTE FUNCTION record_change('comment', '', '', 'deleted');

-- Entries only come, and go when their time is over.
CREATE FUNCTION keep_audit_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('app.audit_expires', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE insufficient_privilege USING
        MESSAGE = 'the audit log is not changed: the worker deletes what is older than '
            'PIPELOOM_AUDIT_DAYS';
END
$$;

CREATE TRIGGER keep_audit_log
BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_log();

-- Delete at most so many entries that are older than so many seconds; returns how many.
CREATE FUNCTION expire_audit_log(age double precision, most integer) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    expired integer;
BEGIN
    PERFORM set_config('app.audit_expires', 'on', true);
    DELETE FROM audit_log AS a WHERE a.id IN (
        SELECT e.id FROM audit_log AS e
        WHERE e.at < now() - make_interval(secs => age)
        ORDER BY e.at
        LIMIT most
        FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS expired = ROW_COUNT;
    PERFORM set_config('app.audit_expires', '', true);
    RETURN expired;
END
$$;

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;

CREATE POLICY audit_log_select ON audit_log FOR SELECT TO pipeloom_api
USING (
    team_id = ANY ((SELECT my_team_ids('owner'))::uuid[])
    OR organization_id = ANY ((SELECT my_organization_ids('owner'))::uuid[])
);

GRANT SELECT ON audit_log TO pipeloom_api;
