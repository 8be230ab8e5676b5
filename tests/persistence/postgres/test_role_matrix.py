"""Who may do what, by SQL as the role of the API: every action by every role."""

from dataclasses import asdict
from typing import Final
from uuid import UUID, uuid4

import pytest

from persistence.errors import NotAllowed, UnknownSubject
from persistence.postgres.pool import Pool, driver_errors
from tests.persistence.worlds import TABLES, a_world, build

ROLES: Final = ("owner", "admin", "member", "viewer", "outsider")

NOBODY: Final[set[str]] = set()
OWNER: Final = {"owner"}
ADMINS: Final = {"owner", "admin"}
MEMBERS: Final = {"owner", "admin", "member"}
TEAM: Final = {"owner", "admin", "member", "viewer"}
ANYBODY: Final = set(ROLES)

# {me} is whoever acts; {mate} is another member of the team, {boss} another owner, {stranger} is a
# user without a team. A statement that finds no row to work on counts as refused.
ACTIONS: Final[dict[str, tuple[str, set[str]]]] = {
    **{
        f"read {name}": (f"SELECT {table.reads} FROM {name} WHERE {table.rows}", TEAM)
        for name, table in TABLES.items()
        if name not in {"my_user", "audit_log", "invitations", "my_invitations", "invitation_links"}
    },
    "read invitations": (
        f"SELECT {TABLES['invitations'].reads} FROM invitations WHERE team_id = {{team}}",
        ADMINS,
    ),
    "read the links": (
        f"SELECT {TABLES['invitation_links'].reads} FROM invitation_links WHERE team_id = {{team}}",
        ADMINS,
    ),
    "read the digest of a link": ("SELECT digest FROM invitation_links", NOBODY),
    "make a link": (
        (
            "SELECT FROM create_invitation_link({team}, sha256('x'), 'admin', '1 day', 1) AS id "
            "WHERE id IS NOT NULL"
        ),
        ADMINS,
    ),
    "make a link for owners": (
        (
            "SELECT FROM create_invitation_link({team}, sha256('x'), 'owner', '1 day', 1) AS id "
            "WHERE id IS NOT NULL"
        ),
        OWNER,
    ),
    "revoke a link": (
        (
            "SELECT FROM invitation_links AS l, revoke_invitation_link(l.id) AS done "
            "WHERE l.team_id = {team} AND done IS NOT NULL"
        ),
        ADMINS,
    ),
    "accept a link": (
        (
            "SELECT FROM accept_invitation_link(sha256({team}::text::bytea)) AS done "
            "WHERE done IS NOT NULL"
        ),
        ANYBODY,
    ),
    "let somebody else in by a link": (
        "SELECT use_invitation_link(sha256({team}::text::bytea), {stranger})",
        NOBODY,
    ),
    "read identities": ("SELECT FROM user_identities", NOBODY),
    "read the audit log": (
        "SELECT FROM audit_log WHERE team_id = {team} AND organization_id = {organization}",
        OWNER,
    ),
    "write the audit log": (TABLES["audit_log"].insert, NOBODY),
    "rewrite the audit log": ("UPDATE audit_log SET address = 'x'", NOBODY),
    "cut the audit log": ("DELETE FROM audit_log", NOBODY),
    "let the audit log expire": ("SELECT expire_audit_log(0, 9)", NOBODY),
    "read the own preferences": ("SELECT preferences FROM my_user WHERE id = {me}", ANYBODY),
    "change the own user": (
        "UPDATE my_user SET name = 'Me', avatar_url = 'a', preferences = '{{}}'",
        ANYBODY,
    ),
    "change the own email": ("UPDATE my_user SET email = 'a@example.org'", NOBODY),
    "change another user": ("UPDATE users SET name = 'X' WHERE id = {mate}", NOBODY),
    "delete a user": ("DELETE FROM users WHERE id = {me}", NOBODY),
    "rename the organization": (
        "UPDATE organizations SET name = 'X', settings = '{{}}' WHERE id = {organization}",
        OWNER,
    ),
    "delete the organization": ("DELETE FROM organizations WHERE id = {organization}", NOBODY),
    "create an organization": ("SELECT create_organization('A', 'a', 'B', 'b')", ANYBODY),
    "create a team": ("SELECT create_team({organization}, 'X', 'x')", OWNER),
    "create a team past the function": (
        "INSERT INTO teams (organization_id, name, slug) VALUES ({organization}, 'X', 'x')",
        NOBODY,
    ),
    "hide the team": ("SELECT FROM delete_team({team}) AS id WHERE id IS NOT NULL", OWNER),
    "hide a team past the function": ("UPDATE teams SET deleted_at = now()", NOBODY),
    "restore a team": ("SELECT FROM restore_team({closed}) AS id WHERE id IS NOT NULL", OWNER),
    "restore a team that was not deleted": (
        "SELECT FROM restore_team({team}) AS id WHERE id IS NOT NULL",
        NOBODY,
    ),
    "read what is in a deleted team": ("SELECT FROM pipelines WHERE team_id = {closed}", NOBODY),
    "read who is in a deleted team": ("SELECT FROM team_members WHERE team_id = {closed}", NOBODY),
    "change a deleted team": ("UPDATE teams SET name = 'X' WHERE id = {closed}", NOBODY),
    "delete for good a team that was deleted": ("DELETE FROM teams WHERE id = {closed}", NOBODY),
    "rename the team": ("UPDATE teams SET name = 'X', settings = '{{}}' WHERE id = {team}", ADMINS),
    "move the team": ("UPDATE teams SET organization_id = organization_id", NOBODY),
    "delete the team": ("DELETE FROM teams WHERE id = {team}", OWNER),
    "add a stranger": (
        "INSERT INTO team_members (team_id, user_id, role) VALUES ({team}, {stranger}, 'viewer')",
        NOBODY,
    ),
    "invite somebody": (
        (
            "SELECT FROM invite({team}, 'a@example.org', NULL, 'admin', '1 day') AS id "
            "WHERE id IS NOT NULL"
        ),
        ADMINS,
    ),
    "invite an owner": (
        "SELECT FROM invite({team}, NULL, {stranger}, 'owner', '1 day') AS id WHERE id IS NOT NULL",
        OWNER,
    ),
    "invite past the function": (
        (
            "INSERT INTO invitations (team_id, email, role, invited_by, expires_at) "
            "VALUES ({team}, 'a@example.org', 'viewer', {me}, now())"
        ),
        NOBODY,
    ),
    "withdraw an invitation": (
        (
            "SELECT FROM invitations AS i, withdraw_invitation(i.id) AS done "
            "WHERE i.team_id = {team} AND done IS NOT NULL"
        ),
        ADMINS,
    ),
    "accept an invitation of somebody else": (
        (
            "SELECT FROM invitations AS i, accept_invitation(i.id) AS done "
            "WHERE i.team_id = {team} AND done IS NOT NULL"
        ),
        NOBODY,
    ),
    "see who declined": ("SELECT declined_at FROM invitations", NOBODY),
    "change a member's role": (
        "UPDATE team_members SET role = 'admin' WHERE team_id = {team} AND user_id = {mate}",
        ADMINS,
    ),
    "make a member an owner": (
        "UPDATE team_members SET role = 'owner' WHERE team_id = {team} AND user_id = {mate}",
        OWNER,
    ),
    "change an owner's role": (
        "UPDATE team_members SET role = 'member' WHERE team_id = {team} AND user_id = {boss}",
        OWNER,
    ),
    "make oneself an owner": (
        "UPDATE team_members SET role = 'owner' WHERE team_id = {team} AND user_id = {me}",
        OWNER,
    ),
    "remove a member": (
        "DELETE FROM team_members WHERE team_id = {team} AND user_id = {mate}",
        ADMINS,
    ),
    "remove an owner": (
        "DELETE FROM team_members WHERE team_id = {team} AND user_id = {boss}",
        OWNER,
    ),
    "leave": ("DELETE FROM team_members WHERE team_id = {team} AND user_id = {me}", TEAM),
    "delete a pipeline": ("DELETE FROM pipelines WHERE id = {pipeline}", ADMINS),
    "delete a pipeline of one's own": ("DELETE FROM pipelines WHERE id = {my_pipeline}", MEMBERS),
    "hide a pipeline": (
        "SELECT FROM delete_pipeline({pipeline}) AS id WHERE id IS NOT NULL",
        ADMINS,
    ),
    "hide a pipeline of one's own": (
        "SELECT FROM delete_pipeline({my_pipeline}) AS id WHERE id IS NOT NULL",
        MEMBERS,
    ),
    "hide a pipeline past the function": (
        "UPDATE pipelines SET deleted_at = now() WHERE id = {pipeline}",
        NOBODY,
    ),
    "read what is in a deleted pipeline": (
        "SELECT FROM comments WHERE pipeline_id = {deleted}",
        NOBODY,
    ),
    "delete for good what was deleted": ("DELETE FROM pipelines WHERE id = {deleted}", NOBODY),
    "restore a pipeline": (
        "SELECT FROM restore_pipeline({deleted}) AS id WHERE id IS NOT NULL",
        ADMINS,
    ),
    "restore a pipeline of one's own": (
        "SELECT FROM restore_pipeline({my_deleted}) AS id WHERE id IS NOT NULL",
        MEMBERS,
    ),
    "restore what was not deleted": (
        "SELECT FROM restore_pipeline({pipeline}) AS id WHERE id IS NOT NULL",
        NOBODY,
    ),
    "comment": (
        "INSERT INTO comments (pipeline_id, content) VALUES ({pipeline}, 'So.')",
        MEMBERS,
    ),
    "comment as somebody else": (
        "INSERT INTO comments (pipeline_id, user_id, content) VALUES ({pipeline}, {mate}, 'So.')",
        NOBODY,
    ),
    "reply": (
        "INSERT INTO comments (pipeline_id, parent_id, content) SELECT {pipeline}, {comment}, 'X'",
        MEMBERS,
    ),
    "resolve a comment": ("UPDATE comments SET resolved = true WHERE id = {comment}", MEMBERS),
    "rewrite a comment": ("UPDATE comments SET content = 'X' WHERE id = {comment}", NOBODY),
    "rewrite a comment of one's own": (
        "UPDATE comments SET content = 'X' WHERE id = {my_comment}",
        MEMBERS,
    ),
    "give a comment to somebody else": (
        "UPDATE comments SET user_id = {mate} WHERE id = {my_comment}",
        NOBODY,
    ),
    "delete a comment": ("DELETE FROM comments WHERE id = {comment}", ADMINS),
    "delete a comment of one's own": ("DELETE FROM comments WHERE id = {my_comment}", MEMBERS),
    "create a template": (
        (
            "INSERT INTO pipeline_templates (team_id, source_pipeline_id, name, pipeline_config) "
            "VALUES ({team}, {pipeline}, 'X', '{{}}')"
        ),
        MEMBERS,
    ),
    "create a template as somebody else": (
        (
            "INSERT INTO pipeline_templates (team_id, created_by, name, pipeline_config) "
            "VALUES ({team}, {mate}, 'X', '{{}}')"
        ),
        NOBODY,
    ),
    "edit a template": ("UPDATE pipeline_templates SET name = 'X' WHERE team_id = {team}", MEMBERS),
    "move a template": ("UPDATE pipeline_templates SET team_id = team_id", NOBODY),
    "set a template's count": ("UPDATE pipeline_templates SET usage_count = 9", NOBODY),
    "count a template's use": (
        "SELECT FROM count_template_use({template}) AS n WHERE n = 1",
        TEAM,
    ),
    "delete a template": ("DELETE FROM pipeline_templates WHERE team_id = {team}", ADMINS),
    "save a version past the server": (TABLES["pipeline_versions"].insert, NOBODY),
}

OF_MINE = """
    INSERT INTO pipelines (id, team_id, created_by, name)
    VALUES ({my_pipeline}, {team}, {me}, 'Mine');
    INSERT INTO pipelines (id, team_id, created_by, name, deleted_at)
    VALUES ({my_deleted}, {team}, {me}, 'Mine', now());
    INSERT INTO comments (id, pipeline_id, user_id, content)
    VALUES ({my_comment}, {pipeline}, {me}, 'Mine'), (gen_random_uuid(), {deleted}, {me}, 'Mine');
"""

Names = dict[str, UUID]


class _Undo(Exception):
    pass


@pytest.fixture
async def cast(pool: Pool) -> Names:
    """A team with a user in every role, and an outsider who owns another team."""
    world, elsewhere = a_world(), a_world()
    await build(pool, world)
    await build(pool, elsewhere)
    names = asdict(world) | {"boss": world.user, "outsider": elsewhere.user}
    for role in ("owner", "admin", "member", "viewer", "mate", "stranger"):
        names[role] = await pool.fetchval("ensure_user", f"{role}@example.org", role)
    for role in ("owner", "admin", "member", "viewer"):
        for team in (world.team, world.closed):
            await pool.execute("set_member", team, names[role], role)
    await pool.execute("set_member", world.team, names["mate"], "member")
    for name in ("comment", "template"):
        table = {"comment": "comments", "template": "pipeline_templates"}[name]
        names[name] = await pool._driver.fetchval(
            say(f"SELECT id FROM {table} WHERE {TABLES[table].rows}", names)
        )
    return names | {"my_pipeline": uuid4(), "my_deleted": uuid4(), "my_comment": uuid4()}


def say(statement: str, names: Names) -> str:
    return statement.format(**{name: f"'{value}'" for name, value in names.items()})


async def may(pool: Pool, names: Names, statement: str) -> bool:
    """Whether {me} may do this, by doing it and undoing it."""
    try:
        async with pool.transaction() as transaction:
            await transaction.run_script(say(OF_MINE, names))
            await transaction.execute("become_api_user", names["me"], "", "")
            with driver_errors():
                status = await transaction._driver.execute(say(statement, names))
            await transaction.execute("check_constraints")
            raise _Undo
    except _Undo:
        return int(status.split()[-1]) > 0
    except (NotAllowed, UnknownSubject):
        return False


@pytest.mark.parametrize("role", ROLES)
async def test_who_may(pool: Pool, cast: Names, role: str) -> None:
    names = cast | {"me": cast[role]}
    found = {action: await may(pool, names, said) for action, (said, _) in ACTIONS.items()}
    assert found == {action: role in allowed for action, (_, allowed) in ACTIONS.items()}


A_SISTER = """
    INSERT INTO teams (id, organization_id, name, slug)
    VALUES ({sister}, {organization}, 'Sister', 'sister');
    INSERT INTO team_members (team_id, user_id, role)
    VALUES ({sister}, {me}, '{role}'), ({sister}, {stranger}, 'viewer');
"""


@pytest.mark.parametrize("elsewhere", ["owner", "admin"])
@pytest.mark.parametrize("given", ["owner", "viewer"])
@pytest.mark.parametrize("role", ["owner", "admin", "member"])
async def test_who_may_add_a_colleague(
    pool: Pool, cast: Names, role: str, given: str, elsewhere: str
) -> None:
    """Who owns another team of the organization may add its people, in the roles that they give."""
    names = cast | {"me": cast[role], "sister": uuid4()}
    await pool._driver.execute(say(A_SISTER.replace("{role}", elsewhere), names))
    wanted = f"VALUES ({{team}}, {{stranger}}, '{given}')"
    added = f"INSERT INTO team_members (team_id, user_id, role) {wanted}"
    allowed = role == "owner" or (role == "admin" and given == "viewer")
    assert await may(pool, names, added) == (allowed and elsewhere == "owner")
