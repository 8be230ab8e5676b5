"""Two teams with a row in every table, and the statements to be tried on them.

A table or view without an entry in `TABLES` fails test_row_level_security.py.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from persistence.postgres.pool import Pool


@dataclass(frozen=True, slots=True)
class World:
    """The ids of a team's things; `user` is its owner."""

    user: UUID
    organization: UUID
    team: UUID
    pipeline: UUID
    step: UUID
    other_step: UUID
    deleted: UUID
    closed: UUID

    def say(self, statement: str) -> str:
        """Fill the ids into a statement."""
        return statement.format(**{name: f"'{getattr(self, name)}'" for name in self.__slots__})


def a_world() -> World:
    return World(*(uuid4() for _ in World.__slots__))


@dataclass(frozen=True, slots=True)
class Table:
    """How to find, to change and to make the rows of a world."""

    rows: str
    change: str
    insert: str = ""
    reads: str = "*"


TABLES: Final[Mapping[str, Table]] = {
    "users": Table(
        "id = {user}",
        "name = 'x'",
        "INSERT INTO users (id, email, name, preferences) "
        "VALUES ({user}, md5(random()::text), 'Ada', '{{\"theme\": \"dark\"}}')",
        reads="id, email, name, avatar_url, created_at, updated_at",
    ),
    "organizations": Table(
        "id = {organization}",
        "name = 'x'",
        "INSERT INTO organizations (id, name, slug) "
        "VALUES ({organization}, 'Looms', md5(random()::text))",
    ),
    "teams": Table(
        "id = {team}",
        "name = 'x'",
        "INSERT INTO teams (id, organization_id, name, slug) "
        "VALUES ({team}, {organization}, 'Weavers', md5(random()::text))",
    ),
    "team_members": Table(
        "team_id = {team}",
        "role = 'owner'",
        "INSERT INTO team_members (team_id, user_id, role) VALUES ({team}, {user}, 'owner')",
    ),
    "pipelines": Table(
        "id = {pipeline}",
        "name = 'x'",
        "INSERT INTO pipelines (id, team_id, created_by, name) "
        "VALUES ({pipeline}, {team}, {user}, 'Loom')",
    ),
    "steps": Table(
        "pipeline_id = {pipeline}",
        "name = 'x'",
        "INSERT INTO steps (pipeline_id, id, name, type) "
        "VALUES ({pipeline}, {step}, 'a', 'claude'), ({pipeline}, {other_step}, 'b', 'gemini')",
    ),
    "connections": Table(
        "pipeline_id = {pipeline}",
        "from_output = 'x'",
        "INSERT INTO connections (pipeline_id, id, from_step_id, to_step_id) "
        "VALUES ({pipeline}, gen_random_uuid(), {step}, {other_step})",
    ),
    "pipeline_diagnostics": Table(
        "pipeline_id = {pipeline}",
        "message = 'x'",
        "INSERT INTO pipeline_diagnostics (pipeline_id, code, subject, severity, message) "
        "VALUES ({pipeline}, 'c', 's', 'error', 'm')",
    ),
    "pipeline_documents": Table(
        "pipeline_id = {pipeline}",
        "head_seq = 9",
        "INSERT INTO pipeline_documents (pipeline_id, head_seq) VALUES ({pipeline}, 1)",
    ),
    "pipeline_updates": Table(
        "pipeline_id = {pipeline}",
        "payload = 'y'",
        "INSERT INTO pipeline_updates (pipeline_id, seq, user_id, payload, received_at) "
        "VALUES ({pipeline}, 1, {user}, 'x', now())",
    ),
    "pipeline_states": Table(
        "pipeline_id = {pipeline}",
        "state = 'y'",
        "INSERT INTO pipeline_states (pipeline_id, seq, state) VALUES ({pipeline}, 1, 'x')",
    ),
    "projection_cursors": Table(
        "pipeline_id = {pipeline}",
        "seq = 9",
        "INSERT INTO projection_cursors (pipeline_id, seq) VALUES ({pipeline}, 1)",
    ),
    "pipeline_versions": Table(
        "pipeline_id = {pipeline}",
        "name = 'x'",
        "INSERT INTO pipeline_versions (pipeline_id, version_number, seq, state, "
        "pipeline_snapshot, steps_snapshot, connections_snapshot, created_by) "
        "VALUES ({pipeline}, 1, 1, 'x', '{{}}', '[]', '[]', {user})",
    ),
    "pipeline_templates": Table(
        "team_id = {team}",
        "name = 'x'",
        "INSERT INTO pipeline_templates (team_id, created_by, source_pipeline_id, name, "
        "pipeline_config) VALUES ({team}, {user}, {pipeline}, 'Template', '{{}}')",
    ),
    "comments": Table(
        "pipeline_id = {pipeline}",
        "content = 'x'",
        "INSERT INTO comments (pipeline_id, step_id, user_id, content) "
        "VALUES ({pipeline}, {step}, {user}, 'Why?')",
    ),
    "presence": Table(
        "pipeline_id = {pipeline}",
        "status = 'x'",
        "INSERT INTO presence (pipeline_id, user_id) VALUES ({pipeline}, {user})",
    ),
    "deleted_pipelines": Table(
        "id = {deleted}",
        "name = 'x'",
        "INSERT INTO pipelines (id, team_id, created_by, name, deleted_at, deleted_by) "
        "VALUES ({deleted}, {team}, {user}, 'Rags', now(), {user})",
    ),
    "deleted_teams": Table(
        "id = {closed}",
        "name = 'x'",
        "INSERT INTO teams (id, organization_id, name, slug, deleted_at, deleted_by) "
        "VALUES ({closed}, {organization}, 'Dyers', md5(random()::text), now(), {user}); "
        "INSERT INTO team_members (team_id, user_id, role) VALUES ({closed}, {user}, 'viewer'); "
        "INSERT INTO pipelines (team_id, created_by, name) VALUES ({closed}, {user}, 'Vat')",
    ),
    "audit_log": Table(
        "organization_id = {organization}",
        "address = 'x'",
        "INSERT INTO audit_log (organization_id, team_id, address, action, subject_id) "
        "VALUES ({organization}, {team}, 'database', 'team.changed', {team})",
    ),
    "invitations": Table(
        "team_id = {team}",
        "role = 'owner'",
        "INSERT INTO invitations (team_id, user_id, role, invited_by, expires_at) "
        "VALUES ({team}, gen_random_uuid(), 'viewer', {user}, now() + interval '1 day')",
        reads="id, team_id, email, user_id, role, invited_by, created_at, expires_at, state",
    ),
    "invitation_links": Table(
        "team_id = {team}",
        "role = 'owner'",
        "INSERT INTO invitation_links (team_id, digest, role, invited_by, expires_at, max_uses) "
        "VALUES ({team}, sha256({team}::text::bytea), 'viewer', {user}, "
        "now() + interval '1 day', 9)",
        reads="id, team_id, role, invited_by, created_at, expires_at, max_uses, uses, revoked_at",
    ),
    # To a team elsewhere, whose owner has the user's id for a name.
    "my_invitations": Table(
        "inviter_name = {user}",
        "role = 'owner'",
        "WITH o AS (INSERT INTO organizations (name, slug) VALUES ('x', md5(random()::text)) "
        "RETURNING id), t AS (INSERT INTO teams (organization_id, name, slug) "
        "SELECT id, 'x', 'x' FROM o RETURNING id), u AS (INSERT INTO users (email, name) "
        "VALUES (md5(random()::text), {user}) RETURNING id), m AS (INSERT INTO team_members "
        "(team_id, user_id, role) SELECT t.id, u.id, 'owner' FROM t, u) "
        "INSERT INTO invitations (team_id, user_id, role, invited_by, expires_at) "
        "SELECT t.id, {user}, 'viewer', u.id, now() + interval '1 day' FROM t, u",
    ),
    "my_user": Table("id = {user}", "name = 'x'"),
    "pipeline_stats": Table("team_id = {team}", "step_count = 9"),
}

JOINED: Final = frozenset({"pipeline_stats", "my_invitations", "deleted_teams"})
"""Views of several tables, which nobody can change."""

HIDDEN: Final = frozenset(
    {
        "event_tickets",
        "idempotency_keys",
        "pipeline_search",
        "pipeline_sizes",
        "schema_migrations",
        "shape_lease",
        "user_identities",
    }
)
"""Tables of which the API's role sees nothing at all."""


async def build(pool: Pool, world: World, without: Collection[str] = ()) -> None:
    """Make one row in every table, two in steps; `without` those that an old schema lacks."""
    for name, table in TABLES.items():
        if table.insert and name not in without:
            await pool.run_script(world.say(table.insert))
