"""Asks the server or the worker of this container whether it is well: `python -m app.probe`.

For health checks of containers, which contain no curl. It imports nothing of the program and asks
no proxy, wherever HTTP_PROXY leads.
"""

import os
import sys
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException
from typing import Final

SECONDS: Final = 4.0
"""How long an answer may take: less than the patience of a health check."""

SERVER_PORT: Final = "8000"


def ports() -> list[int]:
    """The ports of a server, and of a worker if it has one, by the environment."""
    named = os.environ.get("PIPELOOM_PORT") or SERVER_PORT, os.environ.get("PIPELOOM_METRICS_PORT")
    return [int(port) for port in named if port]


def ask(port: int, path: str) -> tuple[int, str]:
    """Return the status and the text of the answer. Raises OSError, HTTPException."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace").strip()
    finally:
        connection.close()


def probe(path: str, at: Iterable[int]) -> str | None:
    """Return what is wrong, or None once a port answers with 200.

    Another port is asked only where nobody listens: a container has a server or a worker.
    """
    wrong = "no port is configured"
    for port in at:
        try:
            status, text = ask(port, path)
        except ConnectionRefusedError:
            wrong = f"nobody listens on port {port}"
        except (OSError, HTTPException) as error:
            return f"port {port}: {error}"
        else:
            return None if status == 200 else f"port {port}: {status} {text}"
    return wrong


if __name__ == "__main__":
    sys.exit(probe(sys.argv[1] if len(sys.argv) > 1 else "/healthz", ports()))
