import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import persistence.postgres.listener
from persistence.postgres.listener import ACCESS, UPDATES, Listener
from persistence.postgres.pool import Pool, connection


async def ring(pool: Pool, *payloads: str, channel: str = UPDATES) -> None:
    for payload in payloads:
        await pool.run_script(f"SELECT pg_notify('{channel}', '{payload}')")


ONE, TWO = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"


async def test_a_new_connection_may_have_missed_anything(database_url: str) -> None:
    listener = Listener(database_url)
    assert await listener.wait(5) is None
    await listener.close()


async def test_what_rang_between_two_waits_is_one_set(pool: Pool, database_url: str) -> None:
    listener = Listener(database_url)
    await listener.wait(5)
    await ring(pool, ONE, TWO, ONE)
    heard = set[str]()
    while len(heard) < 2:
        more = await listener.wait(5)
        assert more
        heard |= more
    assert heard == {ONE, TWO}
    assert await listener.wait(0) == set()
    await listener.close()


async def test_each_channel_has_listeners_of_its_own(pool: Pool, database_url: str) -> None:
    listener = Listener(database_url, ACCESS)
    await listener.wait(5)
    await ring(pool, ONE)
    await ring(pool, f"pipeline:{TWO}", channel=ACCESS)
    assert await listener.wait(5) == {f"pipeline:{TWO}"}
    await listener.close()


async def test_a_lost_connection_comes_back(pool: Pool, database_url: str) -> None:
    listener = Listener(database_url)
    await listener.wait(5)
    async with connection(database_url) as admin:
        await admin.run_script(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
    assert await listener.wait(5) is None
    while await listener.wait(0) is None:
        pass
    await ring(pool, ONE)
    assert await listener.wait(5) == {ONE}
    await listener.close()


async def test_a_connection_cut_without_a_word_comes_back(
    pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistence.postgres.listener, "PROBE_TIMEOUT", 0.2)
    listener = Listener(database_url, probe_after=0.0)
    await listener.wait(5)
    assert await listener.wait(0) == set()
    with stopped(await backend_of(listener)):
        assert await listener.wait(0) is None
        while await listener.wait(0) is None:
            pass
        await ring(pool, ONE)
        assert await listener.wait(5) == {ONE}
    await listener.close()


async def backend_of(listener: Listener) -> int:
    """The process at the other end."""
    pid: int = await listener._connection.fetchval("SELECT pg_backend_pid()")
    return pid


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have a process say nothing at all, like a line that was cut."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except (PermissionError, ProcessLookupError):
        pytest.skip("this PostgreSQL is not ours to stop")
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_no_server_is_no_news(tmp_path: Path) -> None:
    listener = Listener(f"postgresql://me@/db?host={tmp_path}")
    assert await listener.wait(0) is None
    await listener.close()
