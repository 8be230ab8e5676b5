"""Who edits is sent why nothing is stored, also who comes later, and when it is over."""

import json

from app.services.storage_notice import StorageNotice
from crdt.protocol.messages import Stateless


class World:
    """Storage that fails for a reason, and rooms."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.sent: list[object] = []
        self.notice = StorageNotice(self, self)

    def deliver_everywhere(self, message: Stateless) -> None:
        self.sent.append(json.loads(message.payload))

    def ticks(self, reason: str | None, count: int = 1) -> list[object]:
        """What is sent within so many ticks."""
        self.reason, self.sent = reason, []
        for _ in range(count):
            self.notice.tick()
        return self.sent


def test_nothing_is_said_while_edits_are_stored() -> None:
    assert World().ticks(None, 3) == []


def test_it_is_said_again_for_those_who_have_come_since_and_that_it_is_over_once() -> None:
    world = World()
    failing = {"event": "storage.failing", "data": {"reason": "its disk is full"}}
    assert world.ticks("its disk is full", 2) == [failing, failing]
    assert world.ticks(None, 3) == [{"event": "storage.restored", "data": {}}]
