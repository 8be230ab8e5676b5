"""What workers announce after projecting a document: see `move_cursors` in `sql/`."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from persistence.ports.projections import Projected, RowTimes

from .listener import Listener


class PostgresProjectionAnnouncements:
    """`ProjectionAnnouncements` over a listener on the channel PROJECTED."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
    ) -> Sequence[Projected] | None:
        """See `ProjectionAnnouncements.wait`."""
        payloads = await self._listener.wait(timeout)
        if payloads is None:
            return None
        try:
            return sorted(map(_read, payloads), key=lambda projected: projected.seq)
        except (ValueError, TypeError, KeyError, AttributeError):
            # Anybody with access to the database may notify, and a later program may write another
            # format. What it says cannot be known, so it counts as lost.
            return None


def _read(payload: str) -> Projected:
    announced = json.loads(payload)
    return Projected(
        UUID(announced["pipeline_id"]),
        int(announced["seq"]),
        _time(announced["updated_at"]),
        _row_times(announced["steps"]),
        _row_times(announced["connections"]),
        # A worker of an older program does not say so, nor what follows.
        announced.get("diagnostics") is True,
        _number(announced.get("after")),
        _number(announced.get("transaction_id")),
    )


def _number(announced: int | str | None) -> int | None:
    return None if announced is None else int(announced)


def _row_times(rows: Mapping[str, Any]) -> dict[UUID, RowTimes]:
    return {
        UUID(id_): RowTimes(_time(created), _time(updated))
        for id_, (created, updated) in rows.items()
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
