"""An honest client replaces a word that a long prompt has in many places; nobody else notices.

The CRDT library integrates such an edit in time that grows with the number of places, squared,
where somebody else wrote the text. Without the road of decision 21 the room gives up after 0.4 s of
CPU, which is half of what this edit takes, and everybody in it is closed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pycrdt import Array, Doc, Map, Text

from crdt.protocol.messages import Update
from tests.editor import Change, Editor, joined
from tests.rounds import SOAK
from tests.server import OWNER, PATIENCE, Installation, Server, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACES = 20_000 if SOAK else 12_000
STEP = "00000000-0000-4000-8000-000000000007"
BETWEEN_EDITS = 0.02


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(shared_installation: Installation) -> AsyncIterator[Server]:
    installation = Installation(
        shared_installation.database_url,
        shared_installation.data_dir,
        {**shared_installation.environment, "PIPELOOM_UPDATES_PER_SECOND": "1000"},
    )
    async with installation.serve() as server:
        yield server


async def new_pipeline(server: Server, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE) as http:
        teams = (await http.get(server.http("/api/teams"))).json()["items"]
        body = {"name": "x", "team_id": teams[0]["id"]}
        return str((await http.post(server.http("/api/pipelines"), json=body)).json()["id"])


BEFORE, AFTER = "say hello. ", "say bye. "


def write_step(doc: "Doc[Any]") -> None:
    prompt = Map({"type": "static", "content": Text(BEFORE * PLACES)})
    steps: Map[Any] = doc.get("steps", type=Map)
    steps[STEP] = Map({"name": "long", "type": "claude", "prompt": Array([prompt])})


def content_of(doc: "Doc[Any]") -> Text:
    text: Text = doc.get("steps", type=Map)[STEP]["prompt"][0]["content"]
    return text


WARM = 5
"""Edits of each bystander that are acknowledged before the replace begins."""


def replace_all(doc: "Doc[Any]") -> None:
    text = content_of(doc)
    # From the last to the first, so that no place has moved.
    for start in reversed(range(4, len(BEFORE) * PLACES, len(BEFORE))):
        del text[start : start + len("hello")]
        text.insert(start, "bye")


def changed(author: Editor, change: Change) -> bytes:
    """Change a document before anything is measured; its update is still to be sent."""
    before = author.doc.get_state()
    with author.doc.transaction():
        change(author.doc)
    update = author.doc.get_update(before)
    author.unechoed.append(update)
    return update


@asynccontextmanager
async def typing(editor: Editor) -> AsyncIterator[list[float]]:
    """Go on editing while the block runs; the list has what each acknowledgement took."""
    times: list[float] = []

    async def type_on() -> None:
        while True:
            began = time.perf_counter()
            await editor.edit(lambda _: editor.notes.update({"number": len(times)}))
            await editor.until_echoed()
            times.append(time.perf_counter() - began)
            # As fast as somebody types: nothing is waited for.
            await asyncio.sleep(BETWEEN_EDITS)

    task = asyncio.create_task(type_on())
    try:
        yield times
        assert not task.done(), "the bystander was closed"
    finally:
        task.cancel()
        await asyncio.wait([task])
        await editor.until_echoed()


@contextmanager
def shown(name: str, times: list[float]) -> Iterator[None]:
    """Print the longest wait of the block."""
    before = len(times)
    yield
    waits = times[before:]
    print(f"{name}: longest of {len(waits)} waits {1e3 * max(waits, default=0.0):.0f} ms")


async def test_a_replace_in_many_places_takes_effect_and_closes_nobody(
    server: Server, shared_installation: Installation
) -> None:
    token = await shared_installation.token(OWNER)
    large, small = [await new_pipeline(server, token) for _ in range(2)]
    async with AsyncExitStack() as stack:
        rooms = server.room(large, token), server.room(large, token), server.room(small, token)
        author, beside, elsewhere = [await stack.enter_async_context(joined(r)) for r in rooms]
        # Of one's own text, the library integrates the edit fast.
        await beside.edit(write_step)
        await beside.until_echoed()
        await author.until("the step", lambda: STEP in author.steps)
        update = changed(author, replace_all)
        near = await stack.enter_async_context(typing(beside))
        far = await stack.enter_async_context(typing(elsewhere))
        await eventually("both to type", partial(have_typed, near, far))
        with shown("same room", near), shown("another room", far):
            await author.send(Update(update))
            await author.until_echoed()
            await beside.until("the other words", lambda: says_bye(beside.doc))
        assert author.is_open
        assert near
        assert far
    async with joined(server.room(large, token)) as witness:
        assert says_bye(witness.doc)


async def have_typed(*typists: list[float]) -> bool:
    return all(len(times) >= WARM for times in typists)


def says_bye(doc: "Doc[Any]") -> bool:
    return str(content_of(doc)) == AFTER * PLACES
