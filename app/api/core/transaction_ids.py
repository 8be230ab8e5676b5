"""`Transaction-Id`: the header that names the transaction which has written what a request did.

It is what clients of shapes wait for (`awaitTxId` of TanStack DB): the changes that reach them have
the ids of their transactions in `txids`. It is the 32 bits that PostgreSQL shows as xmin of rows.
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "Transaction-Id"

WRITES_NOTHING: Final = re.compile(r"/session|/validate|/pipelines/[^/]+/events/ticket")
"""Paths with a POST that writes no rows for anybody to see."""

WRITES: Final = "writes"
"""The name under which a request's state holds its `Writes`."""


@dataclass(slots=True)
class Writes:
    """Which transactions have written for a request, as far as that is known.

    `of_rows` is the first one that wrote rows itself: what follows counts uses and the like.
    `of_document` is the one that projected the edit of a document.
    """

    of_rows: int | None = None
    of_document: int | None = None

    def note_rows(self, transaction_id: int) -> None:
        """Note a transaction that has written rows."""
        if self.of_rows is None:
            self.of_rows = transaction_id

    @property
    def transaction_id(self) -> int | None:
        """The transaction to wait for: a new pipeline is complete with its first projection."""
        return self.of_rows if self.of_document is None else self.of_document


class TransactionIds:
    """ASGI middleware that gives answers of success the header, if anything was written."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        writes = scope["state"][WRITES] = Writes()

        async def add(message: Message) -> None:
            written = writes.transaction_id
            is_success = message["type"] == "http.response.start" and message["status"] < 300
            if is_success and written is not None:
                MutableHeaders(scope=message)[HEADER] = str(written)
            await send(message)

        await self._app(scope, receive, add)
