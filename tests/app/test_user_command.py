"""`pipeloom user` as scripts see it."""

import json
from typing import Final

import pytest

from tests.app.test_cli import assert_explained
from tests.server import Installation, run

ADA: Final = "ada@example.org"


async def user(installation: Installation, *args: str) -> str:
    return await installation.result("user", *args)


async def listed(installation: Installation) -> dict[str, dict[str, str]]:
    """The teams and roles of everybody, by address."""
    lines = (await user(installation, "list", "--json")).splitlines()
    people = [json.loads(line) for line in lines]
    return {one["email"]: {seat["team"]: seat["role"] for seat in one["teams"]} for one in people}


async def test_somebody_begins_a_team_on_an_empty_database(installation: Installation) -> None:
    owner = ("--team", "acme/core", "--role", "owner", "--new-team")
    user_id = await user(installation, "add", ADA, "--name", "Ada Lovelace", *owner)
    assert await listed(installation) == {ADA: {"acme/core": "owner"}}
    line = await user(installation, "list")
    assert line == f"{user_id}  {ADA}  Ada Lovelace  acme/core:owner"
    await user(installation, "add", "bob@example.org", "--team", "acme/core")
    await user(installation, "set-role", "BOB@example.org", "acme/core", "admin")
    await user(installation, "add", "bob@example.org", "--team", "acme/web", "--new-team")
    roles = (await listed(installation))["bob@example.org"]
    assert roles == {"acme/core": "admin", "acme/web": "member"}
    await user(installation, "remove", "bob@example.org", "--team", "acme/core")
    outcome = await installation.run("user", "remove", "bob@example.org")
    assert (outcome.code, outcome.out) == (0, "")
    assert "out of 1 teams" in outcome.err
    assert "stay with the teams" in outcome.err
    assert await listed(installation) == {ADA: {"acme/core": "owner"}}
    audit = await installation.result("audit", "--team", "acme/core")
    actions = [line.split()[3] for line in audit.splitlines()]
    assert actions == [
        "team.created", "member.added", "member.added", "member.role_changed", "member.removed",
    ]  # fmt: skip
    assert {line.split()[1] for line in audit.splitlines()} == {"command"}


MISTAKES: Final = [
    (["add", ADA], 1, "already"),
    (["add", ADA, "--team", "acme/core"], 1, "set-role"),
    (["add", "new@example.org", "--team", "acme/none"], 1, "acme/none"),
    (["add", "new@example.org", "--subject", "auth0|new"], 1, "PIPELOOM_JWT_ISSUER"),
    (["add", "nobody"], 2, "address"),
    (["add", "new@example.org", "--new-team"], 2, "--team"),
    (["add", "new@example.org", "--team", "Acme", "--new-team"], 2, "organization/team"),
    (["add", "new@example.org", "--role", "boss"], 2, "owner, admin, member, viewer"),
    (["set-role", ADA, "acme/core", "boss"], 2, "owner, admin, member, viewer"),
    (["set-role", ADA, "acme/core", "viewer"], 1, "owner"),
    (["set-role", "new@example.org", "acme/core", "viewer"], 1, "new@example.org"),
    (["remove", ADA], 1, "owner"),
    (["remove", ADA, "--team", "acme/core"], 1, "owner"),
    (["remove", ADA, "--team", "acme/none"], 1, "acme/none"),
    (["remove", "new@example.org"], 1, "new@example.org"),
    (["remove", "system@pipeloom.invalid"], 1, "system"),
]


async def test_mistakes_are_explained_and_change_nothing(installation: Installation) -> None:
    await user(installation, "add", ADA, "--team", "acme/core", "--role", "owner", "--new-team")
    for args, code, word in MISTAKES:
        outcome = await installation.run("user", *args)
        assert outcome.code == code, (args, outcome)
        assert word in outcome.err, (args, outcome)
        if code == 1:
            assert_explained(outcome, word)
    assert await listed(installation) == {ADA: {"acme/core": "owner"}}


@pytest.mark.parametrize("command", ["add", "list", "set-role", "remove"])
async def test_help_has_an_example(command: str) -> None:
    outcome = await run("user", command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"pipeloom user {command}" in " ".join(outcome.out.split())
    assert "--database-url" in outcome.out
