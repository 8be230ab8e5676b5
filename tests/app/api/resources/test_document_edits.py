"""Edits are answered when the tables show them, by announcement or else by looking."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from app.api.resources import document_edits
from persistence.ports.projections import Projected
from persistence.postgres.user_rows import PostgresUserRows
from tests.app.api.house import House, Team, a_pipeline, a_step, all_items, the_json

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_edit_that_the_tables_do_not_show_in_time_is_accepted(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_edits, "PROJECTION_SECONDS", 0.2)
    path = await a_pipeline(team)
    step = await a_step(team, path, "a")
    worker_away = await asyncpg.connect(house.dsn)
    transaction = worker_away.transaction()
    await transaction.start()
    await worker_away.execute("SELECT FROM projection_cursors FOR UPDATE")
    answers = [
        await team.member.patch(f"{path}/steps/{step}", {"name": "b"}),
        await team.member.post(f"{path}/steps", {"name": "c", "type": "claude"}),
        await team.member.patch(path, {"tags": ["x"]}),
        await team.member.delete(f"{path}/steps/{step}"),
    ]
    assert [answer.status_code for answer in answers] == [202] * 4
    assert answers[0].json()["name"] == "b"
    assert answers[1].json()["created_at"] is None
    assert answers[2].json()["tags"] == ["x"]
    await transaction.rollback()
    await worker_away.close()
    monkeypatch.undo()
    await a_step(team, path, "d")
    assert {one["name"] for one in await all_items(team.viewer, f"{path}/steps", 9)} == {"c", "d"}


class Queries:
    """The names of the queries that the API runs on behalf of users."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        for method in ("fetchval", "fetchrow"):
            monkeypatch.setattr(
                PostgresUserRows, method, self._recording(getattr(PostgresUserRows, method))
            )

    def _recording(self, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def recording(session: PostgresUserRows, name: str, *args: object) -> Any:
            self.names.append(name)
            return await run(session, name, *args)

        return recording


async def test_an_announced_edit_is_answered_without_asking_the_database_again(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await a_pipeline(team)
    step, other = await a_step(team, path, "a"), await a_step(team, path, "b")
    queries = Queries(monkeypatch)
    patched = the_json(await team.member.patch(f"{path}/steps/{step}", {"name": "c"}))
    ends = {"from_step_id": step, "to_step_id": other}
    connected = await team.member.post(f"{path}/connections", ends)
    assert connected.status_code == 201
    settings = the_json(await team.member.patch(path, {"tags": ["x"]}))
    assert queries.names == ["pipeline"]
    monkeypatch.undo()
    # The times that were announced are those of the rows.
    connection = connected.json()
    assert await team.viewer.read(f"{path}/steps/{step}") == patched
    assert await team.viewer.read(f"{path}/connections/{connection['id']}") == connection
    assert await team.viewer.read(path) == settings
    assert patched["updated_at"] > patched["created_at"]


class SilentAnnouncements:
    """Announcements that never arrive: of a lost connection (None), or without a sign of it.

    `has_answered` is set when the answer to the first wait has been acted on, as the second begins.
    """

    def __init__(self, answer: Sequence[Projected] | None) -> None:
        self.answer = answer
        self.has_answered = asyncio.Event()
        self._waits = 0

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
    ) -> Sequence[Projected] | None:
        if self._waits:
            self.has_answered.set()
        self._waits += 1
        await asyncio.sleep(min(timeout, 0.01))
        return self.answer


async def silence(
    house: House, monkeypatch: pytest.MonkeyPatch, silent: SilentAnnouncements
) -> None:
    """Let no announcement arrive any more, and let the server notice."""
    watch = house.made.projections
    monkeypatch.setattr(watch, "_announcements", silent)
    monkeypatch.setattr(watch, "_latest", OrderedDict())
    async with asyncio.timeout(10):
        await silent.has_answered.wait()
    assert watch.is_listening is (silent.answer is not None)


@pytest.mark.parametrize(
    "silent", [SilentAnnouncements(None), SilentAnnouncements(())], ids=["lost", "silent"]
)
async def test_an_edit_whose_announcement_is_lost_is_found_in_the_tables(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch, silent: SilentAnnouncements
) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a")
    await silence(house, monkeypatch, silent)
    monkeypatch.setattr(document_edits, "FIRST_PATIENCE", 0.01)
    monkeypatch.setattr(document_edits, "PROJECTION_SECONDS", 10.0)
    patched = the_json(await team.member.patch(f"{path}/steps/{step}", {"name": "b"}))
    assert await team.viewer.read(f"{path}/steps/{step}") == patched
    assert patched["updated_at"] > patched["created_at"]


async def test_an_edit_that_changes_nothing_waits_for_no_announcement(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a")
    await silence(house, monkeypatch, SilentAnnouncements(()))
    monkeypatch.setattr(document_edits, "FIRST_PATIENCE", 60.0)
    answer = await team.member.patch(f"{path}/steps/{step}", {"name": "a"})
    assert answer.status_code == 200
    assert await team.viewer.read(f"{path}/steps/{step}") == answer.json()


async def test_many_readers_do_not_wait_for_each_other_in_a_circle(team: Team) -> None:
    path = await a_pipeline(team)
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(team.viewer.get(f"{path}/history") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
