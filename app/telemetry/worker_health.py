"""Whether the worker of this process is well, for `/healthz` and `/readyz` beside its metrics.

A thread answers, so it asks the event loop: a worker that computes for ever, or has ended, is not
well whatever its thread says. A process has one worker, as it has one registry of metrics.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from crdt.errors import PipeloomError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Question = Callable[[], Awaitable[object]]

PATIENCE: Final = 3.0
"""Seconds in which the event loop is to answer, and the database."""


class WorkerHealth:
    """Answers for the worker that is being watched."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ask_database: Question | None = None

    @contextmanager
    def watching(self, ask_database: Question) -> Iterator[None]:
        """Answer for the running event loop while the block runs.

        `ask_database` raises a PipeloomError while PostgreSQL is away.
        """
        self._loop, self._ask_database = asyncio.get_running_loop(), ask_database
        try:
            yield
        finally:
            self._loop = self._ask_database = None

    def problem(self, *, with_database: bool) -> str | None:
        """Return what is wrong, or None. Blocking: for any thread but that of the event loop."""
        loop, ask = self._loop, self._ask_database
        if loop is None or ask is None:
            return "the worker is not running"
        asked = asyncio.run_coroutine_threadsafe(_answer(ask if with_database else None), loop)
        try:
            asked.result(PATIENCE)
        except TimeoutError:
            asked.cancel()
            return f"the worker did not answer within {PATIENCE:.0f} s"
        except PipeloomError as error:
            return str(error)
        return None

    def beside(self, page: "WSGIApplication") -> "WSGIApplication":
        """Return a page with `/healthz` and `/readyz` beside what `page` answers."""

        def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> "list[bytes]":
            with_database = _WITH_DATABASE.get(environ["PATH_INFO"])
            if with_database is None:
                return list(page(environ, start_response))
            problem = self.problem(with_database=with_database)
            status = "200 OK" if problem is None else "503 Service Unavailable"
            start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
            return [(problem or "ok").encode()]

        return answer


_WITH_DATABASE: Final[Mapping[str, bool]] = {"/healthz": False, "/readyz": True}

HEALTH: Final = WorkerHealth()
"""That of the worker of this process."""


async def _answer(ask: Question | None) -> None:
    if ask is not None:
        await ask()
