"""Large edits by the server: computed on a copy of the document, for seconds, and then merged.

The document is reserved meanwhile (`reservation.py`), so that no other edit by a server comes
between the copy and the merge. What clients write then is merged, as if the edit came from another
machine.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID, uuid4

from crdt.document.replacement import Replacement
from crdt.document.spreading import spread_edit
from crdt.editing.editor import Editor
from crdt.errors import Overloaded
from crdt.updates.inspection import Inspection, inspect_update
from persistence.decision_rounds import EditResult, Undecided
from persistence.ports.idempotency import Fulfilled
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.worker.replay import Compute, NewClientId, replay

from .live_room import LiveRoom
from .log_follower import Follower
from .reservation import LOOK_SECONDS, reserved

TRIES: Final = 5
"""How often an edit is made before the server gives up, with Overloaded."""

LONGEST_SECONDS: Final = 60.0
"""How long an edit may take until it is merged, waiting for others included: clients and proxies
give up after a minute."""

PARTS_MERGED_BESIDE: Final = 3_000
"""An edit of so many parts is merged elsewhere: the library takes 3 µs for each, 65 ms where 10,000
steps get other words, and nothing can interrupt it."""

BUSY: Final = "others edit this pipeline all the time: nothing was changed, try again later"
"""The reason of Overloaded for an edit that finds no moment for itself."""

TOO_LONG: Final = (
    f"this edit would take more than {LONGEST_SECONDS:.0f} s: nothing was changed; "
    "try again later, or change less at once"
)

T = TypeVar("T")

Turn: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]
"""Waits for a turn to compute, and holds it for the block."""


@dataclass(frozen=True, slots=True)
class LargeEdit(Generic[T]):
    """What `Hub.edit_aside` is asked for; see there."""

    pipeline_id: UUID
    user_id: UUID | None
    change: Callable[[Editor], T]
    is_conditional: bool = False
    before_merge: Callable[[UUID], Awaitable[bool]] | None = None
    turn: Turn = nullcontext
    fulfilled: Fulfilled | None = None


@dataclass(frozen=True, slots=True)
class LargeEditResult(EditResult[T]):
    """A large edit that is committed: `state` is the copy it was made on, `updates` the edit.

    It `is_alone` if nobody else has edited the document between the copy and the merge.
    """

    state: bytes = b""
    updates: Sequence[bytes] = ()
    is_alone: bool = True


class Rooms(Protocol):
    """What large edits need of the hub."""

    async def open(self, pipeline_id: UUID) -> LiveRoom:
        """Return the room of a pipeline, loading it unless it is open."""
        ...

    async def decide(
        self,
        room: LiveRoom,
        make: Callable[[], T],
        reservation: UUID,
        fulfilled: Fulfilled | None = None,
    ) -> EditResult[T] | Undecided:
        """Let `make` decide on the document of a room: see `DecisionRounds.decide`."""
        ...


class LargeEdits:
    """Makes the large edits of one server."""

    def __init__(
        self,
        log: UpdateLog,
        rooms: Rooms,
        follower: Follower,
        compute: Compute,
        new_client_id: NewClientId,
    ) -> None:
        self._log, self._rooms, self._follower = log, rooms, follower
        self._compute, self._new_client_id = compute, new_client_id

    async def make(self, edit: LargeEdit[T]) -> LargeEditResult[T]:
        """Make an edit. Raises what `Hub.edit_aside` raises."""
        stop = asyncio.get_running_loop().time() + LONGEST_SECONDS
        for _ in range(TRIES):
            async with AsyncExitStack() as held:
                if result := await self._try(edit, held, stop):
                    return result
        raise Overloaded(BUSY)

    async def _try(
        self, edit: LargeEdit[T], held: AsyncExitStack, stop: float
    ) -> LargeEditResult[T] | None:
        """Make an edit on a copy and merge it; None if the document is not what it was made for."""
        reservation, turn = uuid4(), AsyncExitStack()
        async with turn:
            async with _until(stop, BUSY):
                await self._reserve(edit, reservation, held, turn)
            async with _until(stop, TOO_LONG):
                room = await self._rooms.open(edit.pipeline_id)
                # The edit can be merged only into this document.
                held.enter_context(room.in_use())
                computed = await self._computed(edit, room, reservation)
                merging = _merging_beside(room, computed.edits)
                replacement = await held.enter_async_context(merging)
        # From here on nothing may interrupt: whoever is answered must be answered the truth.
        return await self._merged(edit, room, computed, reservation, replacement)

    async def _reserve(
        self,
        edit: LargeEdit[T],
        reservation: UUID,
        held: AsyncExitStack,
        turn: AsyncExitStack,
    ) -> None:
        """Wait until a document is reserved, with a turn to compute but never for it alone."""
        while True:
            await turn.enter_async_context(edit.turn())
            ours = reserved(self._log, edit.pipeline_id, reservation)
            if await held.enter_async_context(ours):
                return
            await held.aclose()
            # Others have nothing to do with this document, and can compute meanwhile.
            await turn.aclose()
            await asyncio.sleep(LOOK_SECONDS)

    async def _computed(
        self, edit: LargeEdit[T], room: LiveRoom, reservation: UUID
    ) -> "_Computed[T]":
        computed = await self._compute_edit(edit, room)
        if computed.edits and edit.before_merge is not None:
            room.require_capacity(computed.edits)
            if await edit.before_merge(reservation):
                return await self._compute_edit(edit, room)
        return computed

    async def _compute_edit(self, edit: LargeEdit[T], room: LiveRoom) -> "_Computed[T]":
        await self._follower.catch_up(room)
        version, state = room.version, room.copy()
        value, edits = await self._compute(_edit_copy, state, edit.change, self._new_client_id)
        return _Computed(version, state, value, edits)

    async def _merged(
        self,
        edit: LargeEdit[T],
        room: LiveRoom,
        computed: "_Computed[T]",
        reservation: UUID,
        replacement: Replacement | None,
    ) -> LargeEditResult[T] | None:
        def merge() -> _Merged | None:
            is_alone = room.version == computed.version
            if edit.is_conditional and not is_alone:
                return None
            for each in computed.edits:
                room.execute_merge(edit.user_id, each, replacement)
            return _Merged(is_alone)

        decided = await self._rooms.decide(room, merge, reservation, edit.fulfilled)
        if not isinstance(decided, EditResult) or decided.value is None:
            return None
        updates, is_alone = [each.update for each in computed.edits], decided.value.is_alone
        return LargeEditResult(
            decided.seq, computed.value, bool(updates), computed.state, updates, is_alone
        )


@dataclass(frozen=True, slots=True)
class _Computed(Generic[T]):
    """An edit of a copy, of the document at a version: its value, and its updates if any."""

    version: int
    state: bytes
    value: T
    edits: list[Inspection]


@dataclass(frozen=True, slots=True)
class _Merged:
    """An edit that was merged; see `LargeEditResult.is_alone`."""

    is_alone: bool


def _merging_beside(
    room: LiveRoom, edits: Sequence[Inspection]
) -> AbstractAsyncContextManager[Replacement | None]:
    """Have an edit of many parts merged elsewhere: here it would hold the event loop.

    An edit is one update, since it is one transaction.
    """
    if len(edits) != 1 or edits[0].parts < PARTS_MERGED_BESIDE:
        return nullcontext()
    return room.integration.beside(edits[0])


@asynccontextmanager
async def _until(stop: float, reason: str) -> AsyncIterator[None]:
    """Raise Overloaded if the block takes until a time of the event loop."""
    try:
        async with asyncio.timeout_at(stop):
            yield
    except TimeoutError as error:
        raise Overloaded(reason) from error


def _edit_copy(
    state: bytes, change: Callable[[Editor], T], new_client_id: NewClientId
) -> tuple[T, list[Inspection]]:
    """Edit a copy; the edit is inspected here, too, so that the room need not do it."""
    copy, _ = replay(StoredDocument(state, 0, ()), new_client_id)
    with copy.transact() as updates:
        value = change(Editor(copy))
    edits = spread_edit(copy, updates, new_client_id)
    return value, [inspect_update(each).of_own_edit() for each in edits]
