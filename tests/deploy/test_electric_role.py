"""The file by which Docker Compose makes the role of Electric, run by psql as it is there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from persistence.embedded.binaries import installed_programs
from persistence.errors import StoreError
from persistence.postgres.client_programs import ClientPrograms
from persistence.postgres.pool import connect
from tests.clients.javascript import ROOT

FILE = ROOT / "deploy/electric-role.sql"
GOOD = {"ELECTRIC_PASSWORD": "w'eft" * 5, "ELECTRIC_SECRET": "x" * 32}


@pytest.fixture
async def admin(postgres_server: str) -> AsyncIterator[Any]:
    """A connection to a cluster that has no role of this name, before and afterwards."""
    opened = await connect(postgres_server)
    await opened.execute("DROP ROLE IF EXISTS electric")
    yield opened
    await opened.execute("DROP ROLE IF EXISTS electric")
    await opened.close()


def psql(dsn: str, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    programs = ClientPrograms(18, Path(str(installed_programs())) / "bin")
    programs.run("psql", "--no-psqlrc", f"--file={FILE}", dsn=dsn)


async def test_it_makes_the_role_and_changes_its_password(
    admin: Any, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = "SELECT rolpassword FROM pg_authid WHERE rolname = 'electric'"
    psql(postgres_server, monkeypatch, GOOD)
    first = await admin.fetchval(passwords)
    psql(postgres_server, monkeypatch, {**GOOD, "ELECTRIC_PASSWORD": "another of 16 characters"})
    assert None is not first != await admin.fetchval(passwords)
    role = await admin.fetchrow("SELECT * FROM pg_roles WHERE rolname = 'electric'")
    assert role["rolcanlogin"]
    assert role["rolreplication"]
    assert not any(role[f"rol{right}"] for right in ("super", "bypassrls", "createrole"))


@pytest.mark.parametrize(
    "variables",
    [{}, {**GOOD, "ELECTRIC_PASSWORD": ""}, {**GOOD, "ELECTRIC_SECRET": "guess"}],
    ids=["none", "an empty password", "a short secret"],
)
async def test_it_refuses_secrets_that_could_be_guessed(
    admin: Any, postgres_server: str, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    with pytest.raises(StoreError, match="set ELECTRIC_PASSWORD"):
        psql(postgres_server, monkeypatch, variables)
    with pytest.raises(asyncpg.UndefinedObjectError):
        await admin.execute("ALTER ROLE electric LOGIN")
