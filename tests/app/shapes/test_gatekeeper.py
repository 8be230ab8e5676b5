"""Who may see what: scopes of many users by one look at the store."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from app.shapes.conditions import Condition
from app.shapes.gatekeeper import Gatekeeper
from app.shapes.parameters import Definition
from app.shapes.scopes import Nobody, OnePipeline, Scope, Teams
from app.shapes.tables import TABLES
from persistence.ports.shapes import Access, RowQuery, RowsRead

ADA, BOB = UUID(int=1), UUID(int=2)
TEAM, OTHER = UUID(int=10), UUID(int=11)
PIPELINE, THEIRS, GONE = UUID(int=20), UUID(int=21), UUID(int=22)
JOINED = {
    (ADA, TEAM): datetime(2026, 1, 1, tzinfo=UTC),
    (BOB, TEAM): datetime(2026, 1, 2, tzinfo=UTC),
    (BOB, OTHER): datetime(2026, 1, 3, tzinfo=UTC),
}


class Directory:
    """Ada and Bob are in one team, Bob in another, too; each team has a pipeline."""

    def __init__(self) -> None:
        self.looks = 0

    async def access(self, users: Collection[UUID], pipelines: Collection[UUID]) -> Access:
        self.looks += 1
        teams = {ADA: frozenset({TEAM}), BOB: frozenset({TEAM, OTHER})}
        there = {PIPELINE: TEAM, THEIRS: OTHER}
        return Access(
            {user: teams.get(user, frozenset()) for user in users},
            {pipeline: there[pipeline] for pipeline in pipelines if pipeline in there},
            {(user, team): at for (user, team), at in JOINED.items() if user in users},
        )

    async def read(self, queries: Sequence[RowQuery]) -> RowsRead:
        raise AssertionError("expected no rows to be read")

    async def mark(self, text: str) -> None:
        raise AssertionError("expected no mark")


def steps_of(pipeline: UUID | None) -> Definition:
    condition = Condition()
    if pipeline is not None:
        condition = Condition("…", (("pipeline_id", str(pipeline)),))
    return Definition(TABLES["steps"], ("id", "pipeline_id"), condition)


async def test_since_when_is_that_of_the_teams_by_which_it_is_seen() -> None:
    gatekeeper = Gatekeeper(Directory())
    seen = {
        pipeline: await gatekeeper.view(user, steps_of(pipeline))
        for user, pipeline in ((BOB, None), (BOB, PIPELINE), (BOB, THEIRS), (ADA, GONE))
    }
    assert {pipeline: view.since for pipeline, view in seen.items()} == {
        None: ((TEAM, JOINED[BOB, TEAM]), (OTHER, JOINED[BOB, OTHER])),
        PIPELINE: ((TEAM, JOINED[BOB, TEAM]),),
        THEIRS: ((OTHER, JOINED[BOB, OTHER]),),
        GONE: (),
    }


async def test_many_scopes_are_looked_up_at_once() -> None:
    directory = Directory()
    gatekeeper = Gatekeeper(directory)
    asked: list[tuple[UUID, UUID | None, Scope]] = [
        (ADA, None, Teams((TEAM,))),
        (BOB, None, Teams((TEAM, OTHER))),
        (ADA, PIPELINE, OnePipeline(PIPELINE)),
        (BOB, THEIRS, OnePipeline(THEIRS)),
        (ADA, THEIRS, Nobody()),
        (BOB, GONE, Nobody()),
        (UUID(int=3), PIPELINE, Nobody()),
    ]
    found = await asyncio.gather(
        *(gatekeeper.scope(user, steps_of(pipeline)) for user, pipeline, _ in asked)
    )
    assert found == [scope for _, _, scope in asked]
    assert directory.looks == 1
    assert await gatekeeper.scope(ADA, steps_of(PIPELINE)) == OnePipeline(PIPELINE)
    assert directory.looks == 2
