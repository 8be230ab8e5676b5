"""What people and scripts do with one large pipeline: each operation twice, in another process.

Twice, since the first one writes into a document as it was imported, and each later one into what
the others have left.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from .clients import Room, connected

TIMEOUT = 120.0
FEW = 10


def file_of(steps: int, word: str, few: str = "") -> str:
    """A pipeline file of so many steps, about 130 bytes each; some first ones say `few`."""
    listed = "".join(
        f"    - name: step_{number}\n      type: claude\n      prompt:\n        - type: static\n"
        f"          content: say {few if few and number < FEW else word} to number {number}\n"
        for number in range(steps)
    )
    return f"workflow:\n  name: large\n  steps:\n{listed}"


@dataclass(frozen=True, slots=True)
class Target:
    """The server, a token, and the pipeline if it exists."""

    address: str
    token: str
    steps: int
    pipeline_id: str = ""

    def url(self, path: str = "") -> str:
        """A URL of the API, below the pipeline."""
        return f"http://{self.address}/api/pipelines/{self.pipeline_id}{path}"

    def call(self, method: str, url: str, **content: Any) -> Any:
        """Make a request; return the JSON of its answer, None for a file."""
        headers = {"Authorization": f"Bearer {self.token}", **content.pop("headers", {})}
        answer = httpx.request(method, url, headers=headers, timeout=TIMEOUT, **content)
        if answer.is_error:
            raise RuntimeError(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json else None

    def put(self, text: str) -> None:
        """Put a file in the place of the pipeline."""
        headers = {"Content-Type": "application/yaml"}
        self.call("PUT", self.url("/yaml"), content=text.encode(), headers=headers)


def create(target: Target, _turn: int) -> str:
    """Import a file; return the id of the pipeline."""
    base = f"http://{target.address}/api"
    team = target.call("GET", f"{base}/teams")["items"][0]["id"]
    body = {"name": "large", "team_id": team, "yaml": file_of(target.steps, "hello")}
    return str(target.call("POST", f"{base}/pipelines", json=body)["id"])


def visit(target: Target, _turn: int) -> None:
    """Open the pipeline and leave it."""

    async def one() -> None:
        url = f"ws://{target.address}/ws/{target.pipeline_id}?token={target.token}"
        async with connected(Room(url)) as client:
            await client.join()

    asyncio.run(one())


def put_unchanged(target: Target, _turn: int) -> None:
    """Put the file that the pipeline is, as a page or a script saves what it has read."""
    headers = {"Authorization": f"Bearer {target.token}"}
    text = httpx.get(target.url("/yaml"), headers=headers, timeout=TIMEOUT).text
    target.put(text)


def put_few(target: Target, turn: int) -> None:
    """Put the file with other words in a few steps."""
    target.put(file_of(target.steps, "hello", few=f"few {turn}"))


def put_all(target: Target, turn: int) -> None:
    """Put the file with other words in every step."""
    target.put(file_of(target.steps, f"good morning {turn}"))


def save_version(target: Target, turn: int) -> None:
    """Save a version."""
    target.call("POST", target.url("/versions"), json={"name": f"version {turn}"})


def diff(target: Target, _turn: int) -> None:
    """Compare the first version with what is there now."""
    target.call("GET", target.url("/versions/diff?from=1"))


def restore(target: Target, turn: int) -> None:
    """Restore the first version, then the second."""
    target.call("POST", target.url(f"/versions/{turn}/restore"))


def fork(target: Target, _turn: int) -> None:
    """Copy the pipeline."""
    target.call("POST", target.url("/fork"), json={})


def export(target: Target, _turn: int) -> None:
    """Read the pipeline as a file."""
    target.call("GET", target.url("/yaml"))


def patch(target: Target, turn: int) -> None:
    """Move one step."""
    step = target.call("GET", target.url("/steps?limit=1"))["items"][0]["id"]
    target.call("PATCH", target.url(f"/steps/{step}"), json={"position": {"x": turn, "y": 1}})


Operation = Callable[[Target, int], object]

WARM: dict[str, Operation] = {
    "PUT, unchanged": put_unchanged,
    f"PUT, {FEW} steps changed": put_few,
    "version": save_version,
    "PUT, all steps changed": put_all,
    "diff": diff,
    "restore": restore,
    "fork": fork,
    "YAML": export,
}
"""While somebody has the pipeline open."""

COLD: dict[str, Operation] = {"open, cold": visit, "PATCH, cold": patch}
"""While nobody has."""


@contextmanager
def timed() -> Iterator[list[float]]:
    """The list holds the seconds that the block took."""
    took: list[float] = []
    began = time.perf_counter()
    try:
        yield took
    finally:
        took.append(time.perf_counter() - began)


def run(operation: Operation, target: Target, turn: int) -> tuple[float, object]:
    """Run an operation; return the seconds it took and what it returned."""
    with timed() as took:
        value = operation(target, turn)
    return took[0], value
