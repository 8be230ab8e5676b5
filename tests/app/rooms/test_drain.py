from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from app.rooms.drain import close_all
from crdt.errors import SyncError


@dataclass
class Door:
    """Connections that leave, and when."""

    now: float = 0.0
    left: list[tuple[float, int, str]] = field(default_factory=list)

    def close(self, error: SyncError) -> None:
        self.left.append((self.now, error.close_code, error.reason))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def sent_away(count: int, within: float) -> Door:
    door = Door()
    await close_all([door] * count, within, Random(7), door.sleep)
    return door


@pytest.mark.parametrize("count", [0, 1, 100])
async def test_a_few_leave_at_once_and_come_back_at_once(count: int) -> None:
    door = await sent_away(count, 5)
    assert door.left == [(0, 1012, "server is restarting: reconnect")] * count


async def test_many_leave_in_slices_and_come_back_over_a_while() -> None:
    door = await sent_away(10_000, 4)
    assert len(door.left) == 10_000
    assert door.now <= 4
    a_slice = Counter(when for when, _, _ in door.left)
    assert max(a_slice.values()) <= 10_000 / 39
    seconds = Counter(int(reason.split()[-2]) for _, _, reason in door.left)
    assert set(seconds) == set(range(1, 22))
    assert max(seconds.values()) < 1.5 * 10_000 / 21


async def test_nobody_is_left_when_there_is_no_time() -> None:
    door = await sent_away(10_000, 0)
    assert (len(door.left), door.now) == (10_000, 0)
