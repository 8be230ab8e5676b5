"""Says to people why their edits are not saved yet, while none can be stored.

The server takes their edits and shares them, so that nothing else would show it. The message is a
stateless one, which other clients than ours ignore; y-websocket has none.
"""

import json
from typing import Final, Protocol

from crdt.protocol.messages import Stateless

FAILING: Final = "storage.failing"
RESTORED: Final = "storage.restored"


class Health(Protocol):
    """Whether edits can be stored: see `app/telemetry/commit_health.py`."""

    @property
    def reason(self) -> str | None: ...


class Rooms(Protocol):
    """The rooms of this node."""

    def deliver_everywhere(self, message: Stateless) -> None: ...


class StorageNotice:
    """Sends the reason to everybody again and again, for those who have come since, and the end."""

    def __init__(self, health: Health, rooms: Rooms) -> None:
        self._health, self._rooms = health, rooms
        self._is_failing = False

    def tick(self) -> None:
        """Send what is due; call it every two seconds."""
        reason = self._health.reason
        if reason is not None:
            self._send(FAILING, {"reason": reason})
        elif self._is_failing:
            self._send(RESTORED, {})
        self._is_failing = reason is not None

    def _send(self, event: str, data: dict[str, str]) -> None:
        self._rooms.deliver_everywhere(Stateless(json.dumps({"event": event, "data": data})))
