"""Somebody who goes on editing while others misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from uuid import uuid4

from pycrdt import Map

from crdt.document.document import Document
from tests.editor import Editor, joined
from tests.server import Installation

BETWEEN_EDITS = 0.02
"""Seconds: as often as ten people type. Without a pause a document grew by thousands of steps."""

LOG = "SELECT payload FROM pipeline_updates ORDER BY pipeline_id, seq"


@asynccontextmanager
async def undisturbed(room: str) -> AsyncIterator[Editor]:
    """An editor at work, who must not notice what happens in the block.

    Afterwards all its edits are acknowledged, and the document holds them and nothing else new.
    """
    async with joined(room) as editor:
        expected = set(editor.steps.keys())
        working = asyncio.create_task(_work(editor, expected))
        try:
            yield editor
        finally:
            working.cancel()
            await asyncio.wait([working])
        await _one_more(editor, expected)
        await editor.until_echoed()
    async with joined(room) as witness:
        assert set(witness.steps.keys()) == set(editor.steps.keys()) == expected


async def _work(editor: Editor, expected: set[str]) -> None:
    for _ in count():
        await _one_more(editor, expected)
        await editor.until("acknowledgements", lambda: len(editor.unechoed) < 4)
        # As fast as somebody works: nothing is waited for.
        await asyncio.sleep(BETWEEN_EDITS)


async def _one_more(editor: Editor, expected: set[str]) -> None:
    key = str(uuid4())
    expected.add(key)
    await editor.edit(lambda _: editor.steps.update({key: Map({"name": key, "type": "claude"})}))


async def assert_log_decodable(installation: Installation) -> None:
    """Replay the log: what cannot be decoded must not be in it."""
    async with installation.sql() as sql:
        payloads = [row["payload"] for row in await sql.fetch(LOG)]
    assert payloads
    for payload in payloads:
        Document().apply(payload)
