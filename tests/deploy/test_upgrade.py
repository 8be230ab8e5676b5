"""Servers of the last release are exchanged for those of this one while people write."""

import random
import subprocess
from pathlib import Path

import pytest

from tests.app.test_crash import Ledger, prepared
from tests.balancer import balancing
from tests.conftest import Tell
from tests.deploy.last_release import last_release, older, require, unpacked
from tests.deploy.rolling import a_fleet, come, lost, writing
from tests.rounds import SEED, SOAK
from tests.server import Installation


@pytest.mark.skipif(not SOAK, reason="`make soak` exchanges versions, `make test` restarts servers")
async def test_a_rolling_upgrade_loses_no_acknowledged_edit(
    empty_database_url: str, redis_url: str, tmp_path: Path, tell: Tell
) -> None:
    print(f"seed {SEED}")
    ours = Installation(empty_database_url, tmp_path / "data", {"REDIS_URL": redis_url})
    release = last_release()
    theirs = older(ours, unpacked(release, tmp_path / "older"))
    ledger = Ledger(random.Random(SEED))
    async with a_fleet() as fleet:
        for _ in range(2):
            await fleet.start(theirs)
        token = await ours.token()
        before = await migrations(ours)
        pipeline_id = await prepared(fleet.servers[0], ours, token)
        async with balancing(fleet.ports) as everybody:
            room = everybody.address.room(pipeline_id, token)
            async with writing(room, ledger, writers=4):
                await come(ledger)
                # The first of ours migrates; the older server and its worker go on beside it.
                await fleet.replace(0, ours)
                await come(ledger, 200)
                await fleet.replace(1, ours)
                await come(ledger, 100)
            after = await migrations(ours)
            missing = await lost(ledger, fleet.servers[1], ours, pipeline_id, token)
    tell(
        f"upgrade from {release[:12]}: seed {SEED}, {ledger.sent} updates sent, "
        f"{len(ledger.echoed)} echoed, {len(missing)} lost, {after - before} migrations meanwhile"
    )
    assert not missing
    assert len(ledger.echoed) > 300


async def migrations(installation: Installation) -> int:
    """How many the database has had."""
    async with installation.sql() as sql:
        return int(await sql.fetchval("SELECT count(*) FROM schema_migrations"))


def test_a_clone_without_history_fetches_what_it_lacks_or_says_what_to_do(tmp_path: Path) -> None:
    origin, shallow = tmp_path / "origin", tmp_path / "shallow"
    git("init", "--quiet", str(origin))
    for name in ("first", "last"):
        git("-C", str(origin), *NOBODY, "commit", "--quiet", "--allow-empty", "--message", name)
    first = git("-C", str(origin), "rev-parse", "HEAD~1")
    git("clone", "--quiet", "--depth=1", origin.as_uri(), str(shallow))
    require(first, shallow)
    assert git("-C", str(shallow), "log", "-1", "--format=%s", first) == "first"
    with pytest.raises(AssertionError, match="git fetch --quiet --depth=1 origin 0123"):
        require("0123" * 10, shallow)


NOBODY = "-c", "user.name=nobody", "-c", "user.email=nobody@example.org"


def git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], text=True).strip()
