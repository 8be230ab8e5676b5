"""What clients do with a shape of all steps of one pipeline: each operation twice, elsewhere.

They follow it, so that the server reads what has changed. Run by `bench/event_loop.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import httpx

from . import operations
from .operations import Operation, Target

MANY, FEW = 200, 5
"""Live requests at once: as many as one user may have, and some of a change of all rows."""

ASLEEP_SECONDS: Final = 1.0
"""After which live requests are sure to wait."""

END: Final = "up-to-date"


@dataclass(frozen=True, slots=True)
class _Follower:
    """A client that has all rows, and the address at which it goes on."""

    http: httpx.AsyncClient
    address: str

    async def polled(self) -> None:
        """Wait for what comes next, by a long poll."""
        _succeeded(await self.http.get(f"{self.address}&live=true"))

    async def streamed(self) -> None:
        """Wait for what comes next, by server-sent events; read up to its end."""
        address = f"{self.address}&live=true&live_sse=true"
        async with self.http.stream("GET", address) as answer:
            _succeeded(answer)
            async for line in answer.aiter_lines():
                if END in line:
                    return


def _succeeded(answer: httpx.Response) -> httpx.Response:
    # An error of httpx does not come from one process to another.
    if answer.is_error:
        raise RuntimeError(f"expected rows of a shape, got {answer.status_code}")
    return answer


def _address(target: Target, condition: str = "") -> str:
    where = f"pipeline_id = '{target.pipeline_id}'{condition}"
    return str(httpx.URL("/v1/shape", params={"table": "steps", "where": where}))


Wait: TypeAlias = Callable[[_Follower], Coroutine[Any, Any, None]]


@asynccontextmanager
async def _follower(target: Target) -> AsyncIterator[_Follower]:
    headers = {"Authorization": f"Bearer {target.token}"}
    limits = httpx.Limits(max_connections=None)
    base = f"http://{target.address}"
    async with httpx.AsyncClient(
        base_url=base, headers=headers, timeout=operations.TIMEOUT, limits=limits
    ) as http:
        address = f"{_address(target)}&offset=now"
        answer = _succeeded(await http.get(address))
        at, handle = (answer.headers[f"electric-{name}"] for name in ("offset", "handle"))
        yield _Follower(http, f"{_address(target)}&offset={at}&handle={handle}")


def _get(target: Target, address: str) -> None:
    target.call("GET", f"http://{target.address}{address}")


def make(target: Target, turn: int) -> None:
    """Have a shape made, and take no rows of it."""
    _get(target, f"{_address(target, f' AND order_index > -{turn}')}&offset=now")


def begin(target: Target, turn: int) -> None:
    """Take all rows of a shape that is there."""
    _get(target, f"{_address(target, f' AND order_index > -{turn}')}&offset=-1")


def woken(change: Operation, number: int, wait: Wait, target: Target, turn: int) -> None:
    """What a change does while so many wait for it."""

    async def play() -> None:
        async with _follower(target) as one:
            waiting = [asyncio.create_task(wait(one)) for _ in range(number)]
            await asyncio.sleep(ASLEEP_SECONDS)
            await asyncio.to_thread(change, target, turn)
            await asyncio.gather(*waiting)

    asyncio.run(play())


_polled, _streamed = _Follower.polled, _Follower.streamed

# Another process runs these: it has to find them by their names.
SHAPES: Final[dict[str, Operation]] = {
    "shape made": make,
    "its first answer": begin,
    f"PUT, all changed, {FEW} polls": partial(woken, operations.put_all, FEW, _polled),
    f"PUT, all changed, {FEW} streams": partial(woken, operations.put_all, FEW, _streamed),
    f"a step moved, {MANY} polls": partial(woken, operations.patch, MANY, _polled),
    f"a step moved, {MANY} streams": partial(woken, operations.patch, MANY, _streamed),
}
