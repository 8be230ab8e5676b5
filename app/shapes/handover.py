"""Requests for shapes, handed over to the process that has them, and its answers on their way back.

A request is handed over with the credentials of whoever made it, and the other process checks them
as this one has: there is no door by which a server may ask for anything in its own name. Nothing of
an answer is kept here; what comes is sent on.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any, Final, Protocol, TypeVar

import structlog

from app.telemetry import metrics
from crdt.errors import Overloaded
from persistence.errors import StoreError
from persistence.ports.shape_lease import Holder

from .answers import Answer, Interrupted, Sent
from .ending import Ending, Over
from .lease import LEASE_SECONDS

MARK: Final = "pipeloom-handover"
"""The header of what is handed over. Pages of other origins cannot send it without being asked for
leave (Fetch Standard, CORS-preflight fetch), and there is nobody to give it."""

LOOK_SECONDS: Final = 1.0
"""Between two looks whether those who are asked have the shapes still."""

_PASSED_ON: Final = (
    *("authorization", "cookie", "content-type", "accept", "accept-encoding"),
    *("user-agent", "traceparent", "tracestate", "x-request-id"),
)
"""The headers of a request that the other process gets: all others are about this connection, or
mean nothing there."""

_NOT_PASSED_BACK: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "date", "server"}
)
"""The headers of a connection (RFC 9110, section 7.6.1), and what each server says of itself."""

WARN_SECONDS: Final = 60.0
"""Least time between two warnings of a kind about one holder: all who wait for it fail at once."""

_logger = structlog.get_logger(__name__)

T = TypeVar("T")


class HolderGone(Exception):
    """Whoever was asked has the shapes no more, or cannot be reached."""


class Broken(Exception):
    """The connection to another server cannot be had, or has broken, for the reason in it."""


class FarAnswer(Protocol):
    """The beginning of an answer of another server; whoever does not read its body closes it."""

    status: int
    headers: Mapping[str, str]

    async def part(self) -> bytes | None:
        """Return the next part of the body, None at its end. Raises Broken."""
        ...

    async def aclose(self) -> None:
        """Let go of the connection."""
        ...


class HandoverClient(Protocol):
    """Connections to other servers."""

    async def ask(self, address: str, sent: Sent, headers: Mapping[str, str]) -> FarAnswer:
        """Send a request with these headers; return the beginning of its answer. Raises Broken."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


async def loaded_client() -> HandoverClient:
    """The client for HTTP, loaded when something is handed over for the first time.

    In a thread, since loading it takes a tenth of a second. Where there is one process nobody does.
    """
    return await asyncio.to_thread(_loaded)


def _loaded() -> HandoverClient:
    made: HandoverClient = import_module("app.shapes.handover_client").HttpClient()
    return made


class _Outstanding:
    """What waits for one holder; all of it ends when that has the shapes no more."""

    def __init__(self) -> None:
        self.requests = 0
        self.ending = Ending()

    async def until_gone(self, answer: Awaitable[T]) -> T:
        """Wait for something of the holder. Raises HolderGone."""
        try:
            return await self.ending.until_over(answer)
        except Over as error:
            raise HolderGone("it has the shapes no more, or this server stops") from error


class _Failures:
    """Counts what fails with one holder after the other; says when it is time for a warning."""

    def __init__(self) -> None:
        self._holder: Holder | None = None
        self._warned_at = float("-inf")
        self.so_far = 0

    def note(self, holder: Holder) -> bool:
        """Count a failure; return whether to warn of it: at the first, and once a minute."""
        if holder != self._holder:
            self._holder, self._warned_at, self.so_far = holder, float("-inf"), 0
        self.so_far += 1
        now = asyncio.get_running_loop().time()
        is_due = now - self._warned_at >= WARN_SECONDS
        if is_due:
            self._warned_at = now
        return is_due


class Handover:
    """Hands requests over. `look` says who has the shapes: it is asked while somebody waits."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[HandoverClient]],
        look: Callable[[], Awaitable[Holder | None]],
    ) -> None:
        self._connect, self._look = connect, look
        self._client: HandoverClient | None = None
        self._connecting = asyncio.Lock()
        self._outstanding: dict[Holder, _Outstanding] = {}
        self._some = asyncio.Event()
        self._failed, self._broken = _Failures(), _Failures()

    async def run(self) -> None:
        """Watch those who are asked, until cancelled."""
        try:
            while True:
                await self._some.wait()
                await asyncio.sleep(LOOK_SECONDS)
                await self.watch()
        finally:
            if self._client is not None:
                await self._client.aclose()

    async def watch(self) -> None:
        """End what waits for those who have the shapes no more.

        A process that was stopped keeps its connections and says nothing.
        """
        try:
            holder = await self._look()
        except StoreError:
            # Nobody can take the shapes either.
            return
        for asked, outstanding in self._outstanding.items():
            if asked != holder:
                outstanding.ending.end()

    def close(self) -> None:
        """End what waits for others: this server stops."""
        for outstanding in self._outstanding.values():
            outstanding.ending.end()

    async def answer(self, holder: Holder, sent: Sent) -> Answer:
        """Have a request answered by the process that has the shapes.

        Raises HolderGone before anything is answered. A body that breaks off ends the connection to
        the client, so that nobody takes it for whole; of a stream the client asks for the rest.
        """
        outstanding = self._begin(holder)
        try:
            response = await self._sent(holder, sent, outstanding)
        except BaseException as error:
            self._end(holder, outstanding)
            if isinstance(error, Broken | HolderGone):
                self._note_failed(holder, error)
                raise HolderGone from error
            raise
        metrics.SHAPE_HANDOVERS.labels("answered").inc()
        body = _Body(
            response,
            outstanding,
            on_end=lambda: self._end(holder, outstanding),
            on_broken=lambda error: self._note_broken(holder, error),
        )
        return Answer(response.status, _passed_back(response), body)

    def _note_failed(self, holder: Holder, error: Broken | HolderGone) -> None:
        metrics.SHAPE_HANDOVERS.labels("failed").inc()
        if self._failed.note(holder):
            _logger.warning(
                "shapes.handover_failed",
                address=holder.address,
                error=f"{error}: clients ask again, and another server takes the shapes "
                f"{LEASE_SECONDS:.0f} s after this one has gone",
                so_far=self._failed.so_far,
            )

    def _note_broken(self, holder: Holder, error: Broken | HolderGone) -> None:
        if self._broken.note(holder):
            _logger.warning(
                "shapes.handover_broken",
                address=holder.address,
                error=f"{error}: the connection to the client was ended, and it asks again",
                so_far=self._broken.so_far,
            )

    async def _sent(self, holder: Holder, sent: Sent, outstanding: _Outstanding) -> FarAnswer:
        headers = {name: sent.headers[name] for name in _PASSED_ON if name in sent.headers}
        client = await self._connected()
        asking = client.ask(holder.address, sent, {**headers, MARK: "1"})
        return await outstanding.until_gone(asking)

    async def _connected(self) -> HandoverClient:
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
        return self._client

    def _begin(self, holder: Holder) -> _Outstanding:
        outstanding = self._outstanding.setdefault(holder, _Outstanding())
        outstanding.requests += 1
        self._some.set()
        return outstanding

    def _end(self, holder: Holder, outstanding: _Outstanding) -> None:
        outstanding.requests -= 1
        if not outstanding.requests and self._outstanding.get(holder) is outstanding:
            del self._outstanding[holder]
        if not self._outstanding:
            self._some.clear()


class _Body(AsyncGenerator[bytes, None]):
    """The body of an answer as it comes.

    It is no function that yields: one that nobody has begun to read would do nothing at its end.
    """

    def __init__(
        self,
        answer: FarAnswer,
        outstanding: _Outstanding,
        *,
        on_end: Callable[[], None],
        on_broken: Callable[[Broken | HolderGone], None],
    ) -> None:
        self._answer, self._outstanding = answer, outstanding
        self._on_end, self._on_broken = on_end, on_broken
        self._has_ended = False

    async def asend(self, _: None) -> bytes:
        """Return the next part."""
        try:
            part = await self._outstanding.until_gone(self._answer.part())
        except (Broken, HolderGone) as error:
            await self.aclose()
            raise self._break_off(error) from error
        except BaseException:
            await self.aclose()
            raise
        if part is None:
            await self.aclose()
            raise StopAsyncIteration
        return part

    async def athrow(self, *what: Any) -> bytes:
        """Let go of the connection, and raise what is given."""
        await self.aclose()
        raise what[0]

    async def aclose(self) -> None:
        """Let go of the connection, so that the other side ends, too."""
        if not self._has_ended:
            self._has_ended = True
            self._on_end()
            await self._answer.aclose()

    def _break_off(self, error: Broken | HolderGone) -> Exception:
        kind = self._answer.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            return StopAsyncIteration()
        self._on_broken(error)
        return Interrupted("the server that has the shapes broke off")


def _passed_back(answer: FarAnswer) -> dict[str, str]:
    named = {name.strip().lower() for name in answer.headers.get("connection", "").split(",")}
    left_out = _NOT_PASSED_BACK | named
    return {name: value for name, value in answer.headers.items() if name not in left_out}


def nobody_there() -> Overloaded:
    """What a client is answered while nobody has the shapes: it asks again in a second."""
    return Overloaded("the shapes are moving to another server: ask again")
