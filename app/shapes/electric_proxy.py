"""Electric itself behind our address: asked in our words, answered as our own engine answers.

Who may see what is decided here: at each request, once more when Electric's answer has come, since
what is in it was read before that, and whenever somebody's access may have changed meanwhile.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog

from app.clock import Clock
from crdt.errors import Draining, PipeloomError, Unauthenticated
from persistence.errors import StoreError
from persistence.ports.shapes import Announced, ShapeChanges, ShapeReader

from .answers import Answer, Caller, DeletionNotAllowed, Interrupted, MustRefetch
from .electric_client import ElectricClient
from .electric_query import ElectricView, Handles
from .electric_shapes import ElectricShapes
from .live_requests import Bell, BellListener, LiveCount
from .messages import HEADERS, PRIVATE, encoded
from .parameters import Definition, ShapeRequest

RETRY_SECONDS: Final = "5"
"""After which a client asks again when Electric is away, unless Electric says when."""

LONGEST_POLL: Final = 80.0
"""Longer than Electric may be silent."""

LOOK_SECONDS: Final = 5.0
"""Between two looks whether Electric is ready, and the longest wait for what is announced."""

MOST_PROBLEM_BYTES: Final = 64 * 1024
"""How long the explanation of a bad request may be."""

ACCESS_TABLES: Final = frozenset({"team_members", "teams", "pipelines"})
"""By whose changes somebody may see more or less."""

JSON: Final = {"content-type": "application/json"}

_HANDLE: Final = re.compile(r"[\w-]{1,100}", re.ASCII)

_PASSED: Final = (*HEADERS, "content-type", "content-encoding")
"""The headers of Electric that clients get: what is not named is left out."""

_logger = structlog.get_logger(__name__)


class ElectricAway(PipeloomError):
    """Electric does not answer, or is not ready yet."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, and what its caller may see.

    `listener` receives what changed since before that was looked up; `end` is called when the
    request is over.
    """

    request: ShapeRequest
    who: Caller
    view: ElectricView
    listener: BellListener
    end: Callable[[], None]


class ElectricProxy:
    """An `Engine` that has Electric make the shapes.

    `nonce` makes a text of letters and digits that was never made before; `most_live` requests of
    one user may wait at once.
    """

    def __init__(
        self,
        electric: ElectricClient,
        reader: ShapeReader,
        changes: ShapeChanges,
        clock: Clock,
        handles: Handles,
        *,
        nonce: Callable[[], str],
        most_live: int,
    ) -> None:
        self._electric, self._changes = electric, changes
        self._shapes = ElectricShapes(reader)
        self._clock, self._handles, self._nonce = clock, handles, nonce
        self._live, self._bell = LiveCount(most_live), Bell()
        self._is_well = self._is_away = self._is_draining = False

    async def run(self) -> None:
        """Follow how Electric is, and who sees what, until cancelled; then disconnect."""
        async with self._electric, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_forever())
            tasks.create_task(self._follow_forever())

    def close(self) -> None:
        """End live requests now, and refuse further ones."""
        self._is_draining = True
        self._bell.ring()

    @property
    def is_ready(self) -> bool:
        """See `Engine.is_ready`."""
        return self._is_well and not self._is_draining

    def sample(self) -> None:
        """Set no metrics: the shapes are in Electric, which has its own."""

    async def check(self) -> None:
        """Raise ElectricAway unless Electric was ready at the last look."""
        if not self._is_well:
            raise ElectricAway("Electric is away or still starting")

    async def drop(self, definition: Definition, handle: str | None, who: Caller) -> None:
        """See `Engine.drop`."""
        del definition, handle, who
        raise DeletionNotAllowed("shapes are shared: clients may not drop them here")

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        """See `Engine.answer`."""
        self._require_open()
        end = self._live.begin(who.user_id) if request.live else _nothing
        listener = self._bell.listener()
        try:
            view = await self._shapes.view(request.definition, who.user_id)
            asked = _Asked(request, who, view, listener, end)
            response = await self._response(asked)
        except httpx.HTTPError as error:
            end()
            return self._away(type(error).__name__)
        except BaseException:
            end()
            raise
        body = _Body(response, end)
        try:
            return await self._answered(asked, response, body)
        except httpx.HTTPError as error:
            await body.aclose()
            return self._away(type(error).__name__)
        except BaseException:
            await body.aclose()
            raise

    def _require_open(self) -> None:
        if self._is_draining:
            raise Draining("server is restarting: ask again")

    async def _require_same(self, asked: _Asked) -> None:
        """Raise MustRefetch if the caller may not have the shape any more, or was away meanwhile.

        Raises Draining.
        """
        self._require_open()
        now = await self._shapes.view(asked.request.definition, asked.who.user_id)
        if now != asked.view:
            raise MustRefetch("other_scope", self._nonce())

    async def _response(self, asked: _Asked) -> httpx.Response:
        """The beginning of Electric's answer. Raises MustRefetch, Draining, httpx.HTTPError."""
        request, handle = asked.request, None
        if request.handle is not None:
            handle = self._handles.unwrapped(request.handle, asked.view)
            if handle is None:
                raise MustRefetch("unknown_handle", self._nonce())
        known = asked.who.sent.headers.get("if-none-match")
        answer = self._electric.ask(asked.view.shape, request, handle, known)
        if not request.live:
            return await answer
        left = (asked.who.expires_at - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(min(max(left, 0.0), LONGEST_POLL)):
                return await asked.listener.until(
                    asyncio.ensure_future(answer),
                    lambda: self._require_same(asked),
                    discard=lambda response: response.aclose(),
                )
        except TimeoutError:
            raise Unauthenticated("the token has expired: send another one") from None

    async def _answered(self, asked: _Asked, response: httpx.Response, body: "_Body") -> Answer:
        given = response.headers.get("electric-handle", "")
        match response.status_code:
            case 200 | 304:
                return await self._passed(asked, response, body)
            case 400:
                return await _bad_request(body)
            case 409:
                raise MustRefetch("unknown_handle", self._handle_of(given, asked))
            case 429 | 503:
                await body.aclose()
                return self._away(f"{response.status_code}", response.headers.get("retry-after"))
        await body.aclose()
        # A wrong secret (401), another server at the address (404, 302), a fault of Electric (500).
        _logger.error("electric.refused", status=response.status_code)
        return _unavailable(RETRY_SECONDS)

    async def _passed(self, asked: _Asked, response: httpx.Response, body: "_Body") -> Answer:
        headers = {name: response.headers[name] for name in _PASSED if name in response.headers}
        given = headers.get("electric-handle", "")
        if not _HANDLE.fullmatch(given) and response.status_code == httpx.codes.OK:
            await body.aclose()
            return self._away("an answer without a handle")
        if given:
            headers["electric-handle"] = self._handle_of(given, asked)
        await self._require_same(asked)
        self._is_away = False
        if response.status_code == httpx.codes.NOT_MODIFIED:
            await body.aclose()
            return Answer(304, {**headers, **PRIVATE})
        if asked.request.sse:
            headers["x-accel-buffering"] = "no"
            body = _Events(response, asked.end, asked.listener, lambda: self._require_good(asked))
        return Answer(200, {**headers, **PRIVATE}, body)

    async def _require_good(self, asked: _Asked) -> None:
        """Raise what ends a stream: the token's end, or a reason of `_require_same`."""
        if self._clock.now() >= asked.who.expires_at:
            raise Draining("the token has expired")
        await self._require_same(asked)

    def _handle_of(self, given: str, asked: _Asked) -> str:
        """What a handle of Electric is called for this client; something new if there is none."""
        if not _HANDLE.fullmatch(given):
            return self._nonce()
        known = asked.request.handle
        if known is not None and self._handles.unwrapped(known, asked.view) == given:
            return known
        return self._handles.wrapped(given, asked.view, self._nonce())

    def _away(self, reason: str, retry_after: str | None = None) -> Answer:
        if not self._is_away:
            _logger.warning("electric.away", error=reason)
        self._is_away = True
        is_number = re.fullmatch("[0-9]{1,4}", retry_after or "", re.ASCII)
        return _unavailable(str(retry_after) if is_number else RETRY_SECONDS)

    async def _watch_forever(self) -> None:
        while True:
            self._is_well = await self._electric.is_well()
            await asyncio.sleep(LOOK_SECONDS)

    async def _follow_forever(self) -> None:
        while True:
            try:
                announced = await self._changes.wait(LOOK_SECONDS)
            except StoreError:
                # Each request looks by itself; without announcements only those that wait do later.
                await asyncio.sleep(LOOK_SECONDS)
                announced = None
            if _concerns_access(announced):
                self._bell.ring()


def _concerns_access(announced: Announced | None) -> bool:
    if announced is None:
        return True
    return any(
        change.table in ACCESS_TABLES and (change.moved is None or bool(change.moved))
        for change in announced.changes
    )


async def _bad_request(body: "_Body") -> Answer:
    """What Electric does not understand of a condition, in its own words."""
    problem = b""
    async for part in body:
        problem += part
        if len(problem) > MOST_PROBLEM_BYTES:
            break
    await body.aclose()
    return Answer(400, {**JSON, **PRIVATE}, problem[:MOST_PROBLEM_BYTES])


def _unavailable(retry_after: str) -> Answer:
    headers = {**JSON, "retry-after": retry_after, **PRIVATE}
    return Answer(503, headers, encoded({"message": "shapes are away: try again later"}))


def _nothing() -> None:
    """End what was never counted."""


class _Body(AsyncGenerator[bytes, None]):
    """The body of an answer as it comes.

    It is closed also by `aclose` before its first part, which a generator function would ignore.
    """

    def __init__(self, response: httpx.Response, end: Callable[[], None]) -> None:
        self._response, self._end = response, end
        self._parts = response.aiter_raw()

    async def asend(self, value: None) -> bytes:
        """Return the next part."""
        del value
        try:
            return await self._next()
        except BaseException:
            await self.aclose()
            raise

    async def athrow(self, *raised: Any) -> bytes:
        """Let go of the connection, since nobody reads on."""
        await self.aclose()
        return await super().athrow(*raised)

    async def _next(self) -> bytes:
        try:
            return await anext(self._parts)
        except httpx.HTTPError as error:
            _logger.warning("electric.interrupted", error=type(error).__name__)
            raise Interrupted("Electric broke off") from error

    async def aclose(self) -> None:
        """Let go of the connection to Electric."""
        self._end()
        await self._response.aclose()


class _Events(_Body):
    """A stream of events, which ends when `look` raises: asked before each part is sent."""

    def __init__(
        self,
        response: httpx.Response,
        end: Callable[[], None],
        listener: BellListener,
        look: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(response, end)
        self._listener, self._look = listener, look

    async def _next(self) -> bytes:
        try:
            part = await self._listener.until(asyncio.ensure_future(super()._next()), self._look)
            await self._look()
        except PipeloomError:
            # The client opens another one, and is answered then what is the matter.
            raise StopAsyncIteration from None
        return part
