"""`/openapi.json`: the description of the API, which anybody may read.

Describing all operations takes half a second of computing, so the first request has it done in a
thread. Whoever asks after that is sent the bytes that are there.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class OpenApiPage:
    """Answers with the document that `describe` returns, which is called once."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        self._describe = describe
        self._written: asyncio.Task[bytes] | None = None

    async def answer(self, _: Request) -> Response:
        """See the class."""
        if self._written is None:
            self._written = asyncio.create_task(asyncio.to_thread(self._write))
        # A client that goes away must not end what others wait for.
        content = await asyncio.shield(self._written)
        return Response(content, media_type="application/json")

    def _write(self) -> bytes:
        return bytes(JSONResponse(self._describe()).body)
