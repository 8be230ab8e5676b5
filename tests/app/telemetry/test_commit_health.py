"""Commits that fail: what is logged, counted, and said to whoever asks for readiness."""

import pytest
from structlog.testing import capture_logs

from app.telemetry.commit_health import PATIENCE_SECONDS, REMIND_SECONDS, CommitHealth
from app.telemetry.metrics import REGISTRY
from persistence.errors import InvalidValue, StorageFull, StoreUnavailable

FULL = "PostgreSQL is away, try again: could not extend file: No space left on device"


class Commits:
    """Commits that end as they are asked to, at a time that is set."""

    def __init__(self) -> None:
        self.now = 100.0
        self.health = CommitHealth(lambda: self.now)

    def fail(self, error: Exception | None = None) -> None:
        with pytest.raises((StoreUnavailable, InvalidValue)), self.health.watched():
            raise error or StoreUnavailable(FULL)

    async def readiness(self) -> str:
        try:
            await self.health.check()
        except StoreUnavailable as error:
            return str(error)
        return "ok"


async def test_commits_that_fail_for_a_moment_are_no_reason_to_leave_a_server() -> None:
    commits = Commits()
    commits.fail()
    commits.now += PATIENCE_SECONDS
    assert await commits.readiness() == "ok"
    commits.now += 0.5
    assert await commits.readiness() == f"edits wait, none was stored for 4 s: {FULL}"
    commits.health.succeed()
    assert (await commits.readiness(), commits.health.failing_for) == ("ok", 0.0)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StorageFull(FULL), "its disk is full"),
        (StoreUnavailable("no route to db-3.internal"), "its database does not answer"),
    ],
)
def test_people_are_given_a_reason_that_gives_nothing_away(
    error: StoreUnavailable, reason: str
) -> None:
    commits = Commits()
    commits.fail(error)
    assert commits.health.reason is None
    commits.now += PATIENCE_SECONDS + 0.5
    assert commits.health.reason == reason
    commits.health.succeed()
    assert commits.health.reason is None


def test_the_reason_is_logged_at_once_then_every_minute_and_the_end_too() -> None:
    commits = Commits()
    with capture_logs() as logged:
        for _ in range(int(2 * REMIND_SECONDS) + 1):
            commits.fail()
            commits.now += 1.0
        commits.health.succeed()
        commits.health.succeed()
        commits.fail()
    assert [(line["event"], line.get("error"), line["seconds"]) for line in logged] == [
        ("log.not_written", FULL, 0),
        ("log.not_written", FULL, 60),
        ("log.not_written", FULL, 120),
        ("log.written_again", None, 121),
        ("log.not_written", FULL, 0),
    ]


def test_each_failed_attempt_is_counted_and_a_refused_value_is_none() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("pipeloom_commits_failed_total") or 0.0

    commits, before = Commits(), counted()
    commits.fail()
    commits.fail(InvalidValue("too big"))
    assert (counted(), commits.health.failing_for) == (before + 1, 0.0)
    commits.now += 2.0
    assert commits.health.failing_for == 2.0
