from collections.abc import Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from persistence.errors import StoreUnavailable
from persistence.ports.deletions import Kept, Purged
from persistence.worker.purge import Purge
from tests.contracts.stores import an_id

MONTH, YEAR = timedelta(days=30), timedelta(days=365)
KEPT = Kept(MONTH, YEAR)


class Due:
    """Things that are due, or what goes wrong instead."""

    def __init__(self, found: Sequence[Purged | int | Exception | None]) -> None:
        self._found = iter(found)
        self.asked: list[timedelta] = []

    async def purge_one(self, kept_for: timedelta) -> Purged | None:
        found = self._next(kept_for)
        assert not isinstance(found, int)
        return found

    async def expire_audit_log(self, kept_for: timedelta) -> int:
        found = self._next(kept_for)
        assert isinstance(found, int)
        return found

    async def expire_keys(self) -> int:
        return 0

    def _next(self, kept_for: timedelta) -> Purged | int | None:
        self.asked.append(kept_for)
        found = next(self._found)
        if isinstance(found, Exception):
            raise found
        return found


async def test_whatever_is_purged_is_logged() -> None:
    due = Due([Purged("pipeline", an_id(1)), Purged("team", an_id(2)), None])
    purge = Purge(due, KEPT)
    with capture_logs() as lines:
        assert [await purge.purge_one() for _ in range(3)] == [True, True, False]
    assert due.asked == [MONTH] * 3
    assert lines == [
        {"event": "pipeline.purged", "pipeline_id": str(an_id(1)), "log_level": "info"},
        {"event": "team.purged", "team_id": str(an_id(2)), "log_level": "info"},
    ]


@pytest.mark.parametrize(
    ("failure", "has_traceback"), [(StoreUnavailable("away"), False), (LookupError("bug"), True)]
)
async def test_a_failure_is_logged_and_tried_again_later(
    failure: Exception, has_traceback: bool
) -> None:
    purge = Purge(Due([failure, Purged("pipeline", an_id(1)), failure, 3]), KEPT)
    with capture_logs() as lines:
        assert [await purge.purge_one() for _ in range(2)] == [False, True]
        assert [await purge.expire_audit_log() for _ in range(2)] == [False, True]
    failed = [line for line in lines if line["log_level"] == "warning"]
    assert [line["event"] for line in failed] == ["pipeline.not_purged", "audit.not_expired"]
    assert [line["exc_info"] is not None for line in failed] == [has_traceback] * 2


async def test_the_audit_log_expires_in_parts_unless_it_is_kept_for_ever() -> None:
    due = Due([1000, 2, 0])
    purge = Purge(due, KEPT)
    with capture_logs() as lines:
        assert [await purge.expire_audit_log() for _ in range(3)] == [True, True, False]
    assert due.asked == [YEAR] * 3
    assert [(line["event"], line["entries"]) for line in lines] == [
        ("audit.expired", 1000),
        ("audit.expired", 2),
    ]
    assert not await Purge(due, Kept(MONTH, None)).expire_audit_log()
