import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from structlog.testing import capture_logs

from persistence.embedded import binaries
from persistence.embedded.server import EmbeddedPostgres
from persistence.errors import StoreUnavailable
from persistence.postgres.pool import connection

USER_PROCESS = """
import os, sys
from pathlib import Path
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from persistence.embedded.server import EmbeddedPostgres
from persistence.embedded.binaries import Account, Binaries
if sys.argv[2:]:
    uid, gid = int(sys.argv[2]), int(sys.argv[3])
    Binaries(Account(uid, gid))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
postgres = EmbeddedPostgres(Path(sys.argv[1]))
print(postgres.dsn, flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).parents[3]
NOBODY = pwd.getpwnam("nobody")


class UserProcess:
    """Another process that uses the embedded server until it is told to leave."""

    def __init__(self, data_dir: Path, *become: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", USER_PROCESS, str(data_dir), *map(str, become)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        self.dsn = self._stdout.readline().strip()

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def leave(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def user_process(data_dir: Path, *become: int) -> Iterator[UserProcess]:
    user = UserProcess(data_dir, *become)
    try:
        yield user
    finally:
        user.kill()


def postmaster(data_dir: Path) -> int:
    """The process id of the server."""
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def is_stopped(data_dir: Path) -> bool:
    return not (data_dir / "postgres" / "postmaster.pid").exists()


async def write(dsn: str, value: int) -> None:
    async with connection(dsn) as database:
        await database.run_script(f"CREATE TABLE IF NOT EXISTS kept AS SELECT {value} AS value")


async def read(dsn: str) -> int:
    async with connection(dsn) as database:
        value: int = await database._driver.fetchval("SELECT value FROM kept")
        return value


async def test_it_runs_until_it_is_closed_and_keeps_its_data(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        await write(postgres.dsn, 42)
    assert is_stopped(data_dir)
    postgres.close()
    with EmbeddedPostgres(data_dir) as again:
        assert await read(again.dsn) == 42


async def test_data_loss_settings_are_on_and_no_port_is_open(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as postgres:
        async with connection(postgres.dsn) as database:
            shown = [
                await database._driver.fetchval(f"SHOW {name}")
                for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
            ]
    assert shown == ["on", "on", "on", ""]
    assert (cluster / "postgres").stat().st_mode & 0o077 == 0


async def test_the_last_process_stops_it(cluster: Path) -> None:
    with user_process(cluster) as first, EmbeddedPostgres(cluster) as second:
        assert first.dsn == second.dsn
        first.leave()
        await write(second.dsn, 1)
        second.close()
        assert is_stopped(cluster)


async def test_two_users_in_one_process_count_as_two(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as first:
        EmbeddedPostgres(cluster).close()
        await write(first.dsn, 1)
    assert is_stopped(cluster)


async def test_a_killed_process_leaves_it_to_the_next(cluster: Path) -> None:
    with user_process(cluster) as first:
        await write(first.dsn, 42)
        pid = postmaster(cluster)
        first.kill()
    with capture_logs() as logged, EmbeddedPostgres(cluster) as postgres:
        assert postmaster(cluster) == pid
        assert await read(postgres.dsn) == 42
        with EmbeddedPostgres(cluster):
            pass
        assert await read(postgres.dsn) == 42
    assert [line["event"] for line in logged] == ["postgres.adopted"]
    assert is_stopped(cluster)


async def test_a_killed_process_does_not_keep_it_from_stopping(cluster: Path) -> None:
    with EmbeddedPostgres(cluster), user_process(cluster) as other:
        other.kill()
    assert is_stopped(cluster)


async def test_a_killed_server_comes_back_with_its_data(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as postgres:
        await write(postgres.dsn, 42)
        os.kill(postmaster(cluster), signal.SIGKILL)
        postgres.ensure_running()
        assert await read(postgres.dsn) == 42
        os.kill(postmaster(cluster), signal.SIGKILL)
        with EmbeddedPostgres(cluster) as next_one:
            assert await read(next_one.dsn) == 42
    assert is_stopped(cluster)


async def test_a_killed_server_that_is_watched_comes_back_by_itself(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as postgres:
        await write(postgres.dsn, 42)
        killed = postmaster(cluster)
        postgres.keep_running()
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(30):
            while await asyncio.to_thread(is_gone, postgres, killed):
                pass
        assert await read(postgres.dsn) == 42
    assert is_stopped(cluster)


def is_gone(postgres: EmbeddedPostgres, killed: int) -> bool:
    return not postgres._is_ready() or postmaster(postgres._data_dir) == killed


async def test_closing_after_the_server_died_is_quiet(cluster: Path) -> None:
    with EmbeddedPostgres(cluster):
        os.kill(postmaster(cluster), signal.SIGKILL)


def test_closing_is_quiet_when_the_data_directory_is_gone(cluster: Path) -> None:
    with EmbeddedPostgres(cluster):
        gone = cluster.rename(cluster.with_name("gone"))
    # Within a minute it would end by itself.
    os.kill(postmaster(gone), signal.SIGQUIT)


async def test_a_forked_child_does_not_stop_it(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as postgres:
        postgres._owner = os.getpid() + 1
        postgres.close()
        postgres._owner = os.getpid()
        await write(postgres.dsn, 1)


async def test_a_creation_cut_short_is_done_again(data_dir: Path) -> None:
    (data_dir / "postgres.new").mkdir(parents=True)
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(data_dir) as postgres:
        await write(postgres.dsn, 1)


async def test_a_long_path_gets_a_short_socket(data_dir: Path) -> None:
    deep = data_dir / ("long " * 30).strip() / "it's deep"
    with EmbeddedPostgres(deep) as postgres:
        await write(postgres.dsn, 42)
        assert await read(postgres.dsn) == 42


def test_a_broken_cluster_is_explained(cluster: Path) -> None:
    (cluster / "postgres" / "PG_VERSION").write_text("7.1\n")
    with pytest.raises(StoreUnavailable) as caught:
        EmbeddedPostgres(cluster)
    assert str(cluster) in str(caught.value)
    assert "DATABASE_URL" in str(caught.value)


def test_a_data_directory_that_is_a_file_is_explained(data_dir: Path) -> None:
    data_dir.write_text("")
    with pytest.raises(StoreUnavailable, match="cannot start the embedded PostgreSQL"):
        EmbeddedPostgres(data_dir)


def test_an_ordinary_user_can_run_it(data_dir: Path) -> None:
    data_dir.mkdir()
    become: list[int] = []
    if os.geteuid() == 0:
        become = [NOBODY.pw_uid, NOBODY.pw_gid]
        data_dir.parent.chmod(0o755)
        os.chown(data_dir, *become)
    with user_process(data_dir, *become) as user:
        assert user.dsn.startswith("postgresql://")
        user.leave()
    assert is_stopped(data_dir)


def test_others_may_pass_through_its_own_directory_and_see_nothing(data_dir: Path) -> None:
    data_dir.mkdir(0o700)
    with EmbeddedPostgres(data_dir) as postgres:
        asyncio.run(write(postgres.dsn, 1))
    assert data_dir.stat().st_mode & 0o006 == 0


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="as root PostgreSQL runs as another account")


@as_root
def test_folders_above_stay_closed_and_root_is_told_what_to_do(data_dir: Path) -> None:
    private = data_dir / "private"
    private.mkdir(parents=True)
    private.chmod(0o700)
    with pytest.raises(StoreUnavailable) as refused:
        EmbeddedPostgres(private / "data")
    for part in (f"{private} is closed", "--data-dir", f"chmod o+x {private}", "another user"):
        assert part in str(refused.value)
    assert "It has data already" not in str(refused.value)
    assert (private.stat().st_mode & 0o777, list(private.iterdir())) == (0o700, [])


@as_root
def test_data_in_a_folder_that_was_closed_since_is_named(data_dir: Path, new_cluster: Path) -> None:
    private = data_dir / "private"
    private.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(new_cluster), str(private / "data")], check=True)
    private.chmod(0o700)
    with pytest.raises(StoreUnavailable, match=f"mv -T {private / 'data'} /var/lib/pipeloom/data"):
        EmbeddedPostgres(private / "data")
    private.chmod(0o711)
    EmbeddedPostgres(private / "data").close()


@as_root
def test_programs_in_a_closed_folder_are_copied(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, open_ = data_dir.with_name("closed"), data_dir.with_name("open")
    installed = binaries._installed()
    for folder in (installed, *binaries._libraries(installed)):
        to = closed / folder.relative_to(binaries._site(installed))
        shutil.copytree(folder, to, symlinks=True)
    closed.chmod(0o700)
    programs = closed / installed.relative_to(binaries._site(installed))
    copied = binaries._copied.__wrapped__
    monkeypatch.setattr(binaries, "_installed", lambda: programs)
    monkeypatch.setattr(binaries, "_copied", lambda root: copied(root, open_))
    for _ in range(2):
        with EmbeddedPostgres(data_dir) as postgres:
            asyncio.run(write(postgres.dsn, 1))
    assert closed.stat().st_mode & 0o777 == 0o700
    assert len(list(open_.iterdir())) == 1
