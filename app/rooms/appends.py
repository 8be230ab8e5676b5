"""What a room has handed to the log, and what hangs on its being stored.

What hangs on an append waits in one queue with its number, and is done when the log has decided
about all up to that one: a callback of its own for each would cost the event loop more than what it
does. Commits come in the order of submission. The refusal of an edit by the server may come before
what clients wrote earlier is decided, since its document is to be given up at once; or after what
they wrote later is committed, since that does not depend on it.
"""

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

from crdt.errors import SyncError
from persistence.errors import NotStoredYet
from persistence.ports.update_log import NewUpdate


class Committer(Protocol):
    """Takes updates for the log; see `persistence/group_commit.py`."""

    def enqueue(self, update: NewUpdate, on_outcome: Callable[[int | Exception], object]) -> None:
        """Queue an update; raises SyncError if it is refused at once."""
        ...


Task: TypeAlias = Callable[[bool], object]
"""What is to be done once the log has decided; it is given whether everything is stored."""


class Appends:
    """The updates that one room appends.

    `on_stored` is called with the number and the bytes of each that is committed; `on_refused` with
    what an update is refused for, and returns what is raised for those who wait for it.
    """

    def __init__(
        self,
        committer: Committer,
        on_stored: Callable[[int, bytes], None],
        on_refused: Callable[[BaseException], SyncError],
    ) -> None:
        self._committer = committer
        self._on_stored, self._on_refused = on_stored, on_refused
        self._count = 0
        self._undecided: deque[int] = deque()
        self._settling: list[tuple[int, Future[int | Exception]]] = []
        self._refusals: list[tuple[int, SyncError]] = []
        self._waiting: deque[tuple[int, Task]] = deque()

    @property
    def are_decided(self) -> bool:
        """Whether the log has decided about everything."""
        return not self._undecided

    def append(self, update: NewUpdate) -> None:
        """Hand an update to the log."""
        self._count = number = self._count + 1
        try:
            self._committer.enqueue(update, partial(self._decide, number, update.payload))
        except SyncError as error:
            self._refuse(number, error)
        else:
            self._undecided.append(number)

    def _decide(self, number: int, payload: bytes, outcome: int | Exception) -> None:
        # Not earlier: between a commit and this call, its acknowledgements are still on their way.
        if number == self._undecided[0]:
            self._undecided.popleft()
        else:
            self._undecided.remove(number)
        if isinstance(outcome, int):
            self._on_stored(outcome, payload)
        else:
            self._refuse(number, outcome)
        decided = self._undecided[0] - 1 if self._undecided else self._count
        self._do_waiting(decided)
        while self._settling and self._settling[0][0] <= decided:
            if not (waiter := self._settling.pop(0)[1]).done():
                waiter.set_result(outcome)

    async def _outcome(self, seconds: float) -> int | Exception | None:
        """Wait until the log has decided about the last append; None after `seconds`."""
        waiter: Future[int | Exception] = asyncio.get_running_loop().create_future()
        self._settling.append((self._undecided[-1], waiter))
        await asyncio.wait([waiter], timeout=seconds)
        return waiter.result() if waiter.done() else None

    def _do_waiting(self, decided: int) -> None:
        """Do what waited for one of the first appends, in the order in which it came."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= decided:
            number, task = waiting.popleft()
            try:
                task(self._refusal_of(number) is None)
            except Exception as error:
                # As for a callback of asyncio: one that fails keeps no other from being called.
                context = {"message": "what waited for a commit failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    def _refuse(self, number: int, error: BaseException) -> None:
        self._refusals.append((number, self._on_refused(error)))

    def check(self) -> None:
        """Raise what the log has refused an append for until now."""
        self._check(self._count)

    def _check(self, appends: int) -> None:
        if (error := self._refusal_of(appends)) is not None:
            raise error

    def _refusal_of(self, appends: int) -> SyncError | None:
        """Return what the log refused one of the first appends for, if it did.

        A later one may build on it, and would then wait for it in the log for ever.
        """
        return next((error for number, error in self._refusals if number <= appends), None)

    def when_durable(self, task: Callable[[], object]) -> None:
        """Do something once everything appended so far is committed; never if it is refused."""
        if self.are_decided:
            task()
        else:
            self._waiting.append((self._count, lambda is_stored: is_stored and task()))

    def when_decided(self, task: Task) -> None:
        """Do something once the log has decided about everything appended so far."""
        if self.are_decided:
            task(True)
        else:
            self._waiting.append((self._count, task))

    async def settled(self, seconds: float) -> bool:
        """Wait until the log has decided about everything; False after `seconds`."""
        if not self.are_decided:
            await self._outcome(seconds)
        return self.are_decided

    async def committed(self, seconds: float) -> int | None:
        """Wait until everything appended so far is committed; return the last one's number.

        None if there is nothing to wait for. Raises what the log refused it for; NotStoredYet
        after `seconds`: the edit then stands in the live document and is stored as soon as
        PostgreSQL is back.
        """
        appends = self._count
        if self.are_decided:
            return None
        if (outcome := await self._outcome(seconds)) is None:
            raise NotStoredYet("taken, but not stored yet: look before you try again")
        self._check(appends)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
