"""How much the kernel keeps for a client that does not read."""

import sys
from asyncio import BaseTransport
from socket import IPPROTO_TCP
from typing import Final

TCP_NOTSENT_LOWAT: Final = 25
"""linux/tcp.h; Python names it on other systems only."""

UNSENT_BYTES: Final = 64 * 1024
"""What the kernel may hold for a client beyond what is on its way to it.

Without a limit the kernel takes 4 MB for each client that does not read.
"""


def limit_unsent(transport: BaseTransport) -> None:
    """Have the kernel take no more than UNSENT_BYTES at once for a connection; on Linux."""
    socket = transport.get_extra_info("socket")
    if socket is not None and sys.platform == "linux":
        socket.setsockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)
