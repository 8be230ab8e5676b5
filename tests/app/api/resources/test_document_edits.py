import asyncio

import asyncpg  # type: ignore[import-untyped]
import pytest

from app.api.resources import document_edits
from tests.app.api.house import House, Team, a_pipeline, a_step, all_items

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_edit_that_the_tables_do_not_show_in_time_is_accepted(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_edits, "PATIENCE", 0.2)
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


async def test_many_readers_do_not_wait_for_each_other_in_a_circle(team: Team) -> None:
    path = await a_pipeline(team)
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(team.viewer.get(f"{path}/history") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
