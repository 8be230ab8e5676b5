"""Where other servers hand requests for shapes over to this one: an address of its own.

It answers nothing but shapes, and nothing that no server has marked as handed over. Whoever reaches
it needs a token as at any other door.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.stoppable_http import StoppableHttp

from .handover import MARK

PATH: Final = "/v1/shape"

PORTS_TRIED: Final = 64
"""From the port of the setting on, the first that is free: each process of a machine needs one."""

KEEP_ALIVE_SECONDS: Final = 60
"""How long an idle connection is kept: longer than the other side keeps it (`IDLE_SECONDS`)."""

HEAD_BYTES: Final = 128 * 1024
"""The longest head of a request: conditions are in the address."""

BACKLOG: Final = 2048
"""Connections that may wait to be accepted."""


class CannotListen(Exception):
    """Nothing can listen at this address."""


def listen(host: str, port: int) -> socket.socket:
    """Listen at a port from `port` on, at any if that is 0. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    failure: OSError | None = None
    for number in range(port, port + (PORTS_TRIED if port else 1)):
        try:
            return socket.create_server((host, number), family=family, backlog=BACKLOG)
        except OSError as error:
            failure = error
        except OverflowError:
            break
    raise CannotListen(f"{host} port {port}: {failure}")


def address_of(listening: socket.socket) -> str:
    """The host and port of a socket, as in a URL."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@asynccontextmanager
async def answering(listening: socket.socket, shapes: ASGIApp) -> AsyncIterator[None]:
    """Answer what is handed over while the block runs; then end what is still being answered."""
    config = uvicorn.Config(
        _OnlyHandedOver(shapes),
        http=StoppableHttp,
        # As long as a head may be that another server has taken, and a little more.
        h11_max_incomplete_event_size=HEAD_BYTES,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    config.load()
    server = uvicorn.Server(config)
    # What `serve` does beside this is for a process of its own: signals, and a loop that looks for
    # them.
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    try:
        yield
    finally:
        await server.shutdown(sockets=[listening])


class _OnlyHandedOver:
    """ASGI application: the shapes, for other servers alone."""

    def __init__(self, shapes: ASGIApp) -> None:
        self._shapes = shapes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["path"] == PATH and MARK in Headers(scope=scope):
            await self._shapes(scope, receive, send)
        else:
            await PlainTextResponse("nothing here", 404)(scope, receive, send)
