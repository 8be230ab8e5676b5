from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from persistence.errors import StoreUnavailable
from persistence.worker.purge import Purge
from tests.contracts.stores import an_id

MONTH = timedelta(days=30)


class Due:
    """Pipelines that are due, or what goes wrong instead."""

    def __init__(self, found: Sequence[UUID | Exception | None]) -> None:
        self._found = iter(found)
        self.asked: list[timedelta] = []

    async def purge_one(self, kept_for: timedelta) -> UUID | None:
        self.asked.append(kept_for)
        found = next(self._found)
        if isinstance(found, Exception):
            raise found
        return found


async def test_each_purged_pipeline_is_logged() -> None:
    due = Due([an_id(1), an_id(2), None])
    purge = Purge(due, MONTH)
    with capture_logs() as lines:
        assert [await purge.purge_one() for _ in range(3)] == [True, True, False]
    assert due.asked == [MONTH] * 3
    assert [(line["event"], line["pipeline_id"]) for line in lines] == [
        ("pipeline.purged", str(an_id(1))),
        ("pipeline.purged", str(an_id(2))),
    ]


@pytest.mark.parametrize(
    ("failure", "has_traceback"), [(StoreUnavailable("away"), False), (LookupError("bug"), True)]
)
async def test_a_failure_is_logged_and_tried_again_later(
    failure: Exception, has_traceback: bool
) -> None:
    purge = Purge(Due([failure, an_id(1)]), MONTH)
    with capture_logs() as lines:
        assert [await purge.purge_one() for _ in range(2)] == [False, True]
    assert lines[0]["event"] == "pipeline.not_purged"
    assert (lines[0]["exc_info"] is not None) is has_traceback
