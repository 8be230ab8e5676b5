"""The engine of one process among several: answers if it has the lease, and hands over if not."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from typing import Final

from crdt.errors import PipeloomError
from persistence.ports.shape_lease import Holder

from .answers import Answer, Caller, DeletionNotAllowed, Engine
from .bodies import begun
from .ending import Ending, Over
from .engine import NativeEngine
from .handover import Handover, HolderGone, nobody_there
from .lease import Here, Lease
from .parameters import Definition, ShapeRequest

IN_PROGRESS_SECONDS: Final = 1.0
"""How long a server that stops waits for what it is answering, before others have the shapes."""


class HeldEngine:
    """`Engine` for what others hand over: it answers only while this process has the lease.

    It never hands anything over itself, so that no request goes round.
    """

    def __init__(self, native: Engine, lease: Lease) -> None:
        self._native, self._lease = native, lease
        self._ending = Ending()
        self._in_progress = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @property
    def is_ready(self) -> bool:
        """See `Engine.is_ready`."""
        return self._native.is_ready

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        """See `Engine.answer`."""
        if not self._lease.is_held():
            raise nobody_there()
        return await self.answer_in(self._lease.term, request, who)

    async def answer_in(self, term: int, request: ShapeRequest, who: Caller) -> Answer:
        """Answer, if this process still has the lease when the answer is there.

        It may have been stopped for long meanwhile, and what it has may be old.
        """
        ending = self._ending
        with self._noted():
            try:
                answer = await ending.until_over(self._native.answer(request, who))
            except Over as error:
                raise nobody_there() from error
            except PipeloomError as error:
                if not self._lease.is_held(term):
                    raise nobody_there() from error
                raise
        if not self._lease.is_held(term):
            await _close(answer)
            raise nobody_there()
        if isinstance(answer.body, bytes) or not request.sse:
            return answer
        return replace(answer, body=await begun(self._while_held(term, answer.body, ending)))

    def lose(self) -> None:
        """End what is being answered: the lease is lost, and PostgreSQL may not answer."""
        self._ending.end()
        self._ending = Ending()

    async def give_back(self) -> None:
        """Give the lease back when what is being answered is answered, which is woken before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(IN_PROGRESS_SECONDS):
                await self._is_idle.wait()
        await self._lease.release()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        self._in_progress += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._in_progress -= 1
            if not self._in_progress:
                self._is_idle.set()

    async def _while_held(
        self, term: int, stream: AsyncGenerator[bytes, None], ending: Ending
    ) -> AsyncGenerator[bytes, None]:
        """The events of a stream, which ends with the lease; its client comes again.

        The first part is empty.
        """
        async with aclosing(stream) as parts:
            yield b""
            with suppress(Over):
                while (part := await ending.until_over(anext(parts, None))) is not None:
                    if not self._lease.is_held(term):
                        return
                    yield part

    async def drop(self, definition: Definition, handle: str | None, who: Caller) -> None:
        """See `Engine.drop`."""
        if not self._lease.is_held():
            raise nobody_there()
        await self._native.drop(definition, handle, who)


class LeasedEngine:
    """`Engine` for clients: this process answers, or the one that has the lease."""

    def __init__(
        self, native: NativeEngine, held: HeldEngine, lease: Lease, handover: Handover
    ) -> None:
        self._native, self._held = native, held
        self._lease, self._handover = lease, handover

    async def run(self) -> None:
        """Follow the tables, the lease and those who have it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for one in (self._native, self._lease, self._handover):
                tasks.create_task(one.run())

    def close(self) -> None:
        """End live requests now, and refuse further ones."""
        self._native.close()
        self._handover.close()

    def sample(self) -> None:
        """Set the metrics that are read when the page is asked for."""
        self._native.sample()

    @property
    def is_ready(self) -> bool:
        """See `Engine.is_ready`."""
        return self._held.is_ready

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        """See `Engine.answer`."""
        place = await self._lease.place()
        if isinstance(place, Here):
            return await self._held.answer_in(place.term, request, who)
        with suppress(HolderGone):
            return await self._handover.answer(place, who.sent)
        other = await self._after(place)
        if isinstance(other, Here):
            return await self._held.answer_in(other.term, request, who)
        with suppress(HolderGone):
            return await self._handover.answer(other, who.sent)
        raise nobody_there()

    async def drop(self, definition: Definition, handle: str | None, who: Caller) -> None:
        """See `Engine.drop`."""
        place = await self._lease.place()
        if isinstance(place, Here):
            await self._held.drop(definition, handle, who)
            return
        try:
            answer = await self._handover.answer(place, who.sent)
        except HolderGone as error:
            raise nobody_there() from error
        await _close(answer)
        if answer.status == 404:
            raise DeletionNotAllowed("shapes end by themselves: clients may not drop them here")
        if answer.status != 202:
            raise nobody_there()

    async def _after(self, gone: Holder) -> Here | Holder:
        """Who has the shapes if the one that was asked does not answer. Raises Overloaded."""
        place = await self._lease.place(doubted=gone)
        if place == gone:
            raise nobody_there()
        return place


async def _close(answer: Answer) -> None:
    """Close the body of an answer that nobody reads."""
    if not isinstance(answer.body, bytes):
        await answer.body.aclose()
