"""Other servers of Yjs documents, run as their documentation starts them (needs Node and npm)."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from crdt.protocol.lib0 import var_string

from ..clients import Room

PEERS = {"Hocuspocus 4.7": "hocuspocus.mjs", "y-websocket 2.1": "y_websocket.mjs"}
"""Name -> the program here that starts it."""

INSTALL_SECONDS = 180


def peer_room(name: str, address: str, room: str) -> Room:
    """Where a room of a peer is, and what a client says there first."""
    if not name.startswith("Hocuspocus"):
        return Room(f"ws://{address}/{room}")
    # Hocuspocus: every message begins with the document's name; the first one is a token.
    prefix = var_string(room)
    return Room(f"ws://{address}/", prefix, prefix + b"\x02\x00" + var_string("token"))


class PeersMissing(Exception):
    """The peers cannot be installed here; the message says why."""


@asynccontextmanager
async def installed_peers() -> AsyncIterator[Path]:
    """A directory with the programs and what they import. Raises PeersMissing."""
    if shutil.which("npm") is None:
        raise PeersMissing("there is no npm: install Node.js to measure other servers too")
    with tempfile.TemporaryDirectory(prefix="pipeloom-bench-peers-") as directory:
        target = Path(directory) / "peers"
        shutil.copytree(Path(__file__).parent, target)
        await _install(target)
        yield target


async def _install(directory: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        raise PeersMissing(f"npm took more than {INSTALL_SECONDS} s") from error
    if process.returncode != 0:
        raise PeersMissing(f"npm failed: {' '.join(output.decode().split())[-300:]}")
