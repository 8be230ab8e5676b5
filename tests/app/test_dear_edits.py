"""An honest client replaces a word in every step of a large document, and nobody else notices.

The steps were written under one client id, as any document that grew in one browser: the CRDT
library integrates such an edit in time that grows with the number of the steps, squared.
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

STEPS = 4_000 if SOAK else 1_500
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


def write_all(doc: "Doc[Any]") -> None:
    steps: Map[Any] = doc.get("steps", type=Map)
    for number in range(STEPS):
        prompt = Map({"type": "static", "content": Text(f"say hello to number {number}")})
        steps[f"{number:032x}"] = Map(
            {"name": f"step_{number}", "type": "claude", "prompt": Array([prompt])}
        )


def contents(doc: "Doc[Any]") -> Iterator[Text]:
    steps: Map[Any] = doc.get("steps", type=Map)
    for number in range(STEPS):
        yield steps[f"{number:032x}"]["prompt"][0]["content"]


WARM = 5
"""Edits of each bystander that are acknowledged before the replace begins."""


def replace_all(doc: "Doc[Any]") -> None:
    for text in contents(doc):
        del text[4:9]
        text.insert(4, "goodbye")


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


async def test_a_replace_over_all_steps_takes_effect_and_closes_nobody(
    server: Server, shared_installation: Installation
) -> None:
    token = await shared_installation.token(OWNER)
    large, small = [await new_pipeline(server, token) for _ in range(2)]
    async with AsyncExitStack() as stack:
        rooms = server.room(large, token), server.room(large, token), server.room(small, token)
        author, beside, elsewhere = [await stack.enter_async_context(joined(r)) for r in rooms]
        await author.edit(write_all)
        await author.until_echoed()
        await beside.until("the steps", lambda: len(beside.steps) == STEPS)
        update = changed(author, replace_all)
        near = await stack.enter_async_context(typing(beside))
        far = await stack.enter_async_context(typing(elsewhere))
        await eventually("both to type", partial(have_typed, near, far))
        with shown("same room", near), shown("another room", far):
            await author.send(Update(update))
            await author.until_echoed()
            await beside.until("the other words", lambda: says_goodbye(beside.doc))
        assert author.is_open
        assert near
        assert far
    async with joined(server.room(large, token)) as witness:
        assert says_goodbye(witness.doc)
        assert {str(each)[:12] for each in contents(witness.doc)} == {"say goodbye "}


async def have_typed(*typists: list[float]) -> bool:
    return all(len(times) >= WARM for times in typists)


def says_goodbye(doc: "Doc[Any]") -> bool:
    return "goodbye" in str(next(contents(doc)))
