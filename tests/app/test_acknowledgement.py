"""An echo means "committed": seen from outside, while PostgreSQL holds the commit up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from crdt.protocol.messages import QueryAwareness
from tests.editor import Editor, joined
from tests.server import Installation, Server, eventually


@asynccontextmanager
async def commits_held_up(installation: Installation, pipeline_id: str) -> AsyncIterator[None]:
    """Lock the document's head, which every append has to move."""
    async with installation.sql() as sql, sql.transaction():
        await sql.execute(
            "SELECT FROM pipeline_documents WHERE pipeline_id = $1 FOR UPDATE", pipeline_id
        )
        yield


async def add_step(editor: Editor) -> str:
    key = str(uuid4())
    await editor.edit(lambda _: editor.steps.update({key: {"name": key}}))
    return key


async def until_all_was_answered(editor: Editor) -> None:
    """Ask something and wait for the answer: what was sent to this client before has arrived."""
    answers = len(editor.presence)
    await editor.send(QueryAwareness())
    await editor.until("an answer", lambda: len(editor.presence) > answers)


async def test_others_see_an_edit_before_its_commit_and_its_author_hears_after(
    installation: Installation,
) -> None:
    async with installation.serve() as server:
        pipeline_id = await installation.demo_pipeline()
        room = server.room(pipeline_id, await installation.token())
        async with joined(room) as author, joined(room) as other:
            async with commits_held_up(installation, pipeline_id):
                key = await add_step(author)
                await other.until("the author's edit", lambda: key in other.steps)
                await until_all_was_answered(author)
                assert len(author.unechoed) == 1
            await author.until_echoed()


async def test_a_drained_server_commits_and_acknowledges_before_it_leaves(
    installation: Installation,
) -> None:
    async with installation.serve() as server:
        pipeline_id, token = await installation.demo_pipeline(), await installation.token()
        room = server.room(pipeline_id, token)
        async with joined(room) as author, joined(room) as other:
            async with commits_held_up(installation, pipeline_id):
                keys = [await add_step(author) for _ in range(5)]
                await other.until("the author's edits", lambda: keys[-1] in other.steps)
                ending = asyncio.create_task(server.program.end())
                await eventually("a server that takes nobody in", lambda: is_away(server))
                assert author.is_open
            assert await ending == 0
            assert (await author.close_code())[0] == 1012
            assert not author.unechoed
    async with (
        installation.serve() as server,
        joined(server.room(pipeline_id, token)) as auditor,
    ):
        assert set(keys) <= set(auditor.steps.keys())


async def is_away(server: Server) -> bool:
    """Whether the server refuses connections."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    await writer.wait_closed()
    return False
