"""The dear edits of a room's clients, which are integrated elsewhere.

A client whose edit is on its way is held meanwhile: nothing more of it is handled.
"""

from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog

from crdt.errors import SyncError, UnusableEdit
from crdt.protocol.messages import ClientMessage
from crdt.room.effects import Integrate, SessionId
from crdt.room.room import Room
from crdt.updates.inspection import Inspection

from .integration import HeldSessions, Integration, Tasks
from .remote_updates import Host

_logger = structlog.get_logger(__name__)


class ClientsHost(Host, Protocol):
    """The live room of a `DearEdits`."""

    pipeline_id: UUID
    frozen: bool

    def receive_message(
        self, session: SessionId, message: ClientMessage, inspection: Inspection | None = None
    ) -> None:
        """Handle a message of a client."""
        ...

    def close(self, session: SessionId, error: SyncError) -> None:
        """Close a client."""
        ...

    def in_use(self) -> AbstractContextManager[None]:
        """Keep the room loaded."""
        ...


class DearEdits:
    """Integrates edits that are dear; `held` has the sessions that wait for theirs."""

    def __init__(self, host: ClientsHost, room: Room, integration: Integration) -> None:
        self._host, self._room, self._integration = host, room, integration
        self.held = HeldSessions()
        self._tasks = Tasks()

    def begin(self, edit: Integrate) -> None:
        """Integrate an edit; nothing more of its session is handled until that is done."""
        self.held.hold(edit.session)
        self._tasks.begin(self._integrate(edit), f"integrate {self._host.pipeline_id}")

    def close(self) -> None:
        """End everything."""
        self._tasks.close()

    async def _integrate(self, edit: Integrate) -> None:
        """Integrate a dear update of a client; close the client alone if it is refused."""
        host, integrate = self._host, self._integration.edit
        try:
            with host.in_use():
                finish = partial(self._integrated, edit)
                took = await integrate(edit.user_id, edit.update, edit.inspection, finish)
            self.held.charge(edit.session, took)
        except SyncError as error:
            _logger.warning(
                "room.edit_not_integrated", pipeline_id=host.pipeline_id, error=str(error)
            )
            host.close(edit.session, error)
        except Exception as error:
            # Nobody else would notice, and the client would wait for ever.
            _logger.exception(
                "room.integration_failed", pipeline_id=host.pipeline_id, error=str(error)
            )
            host.close(edit.session, UnusableEdit())
        self.held.release(edit.session, host.receive_message)

    def _integrated(self, edit: Integrate, is_news: bool) -> None:
        # A frozen room takes nothing; its clients send again what was not acknowledged.
        if not self._host.frozen:
            self._host.execute(self._room.integrated(edit, is_news=is_news))
