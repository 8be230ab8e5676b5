"""How long large edits by the server take, and whom they keep waiting meanwhile.

A file of many steps is imported, put over what is there with other words in every prompt, then
put again beside others: a client who types into that pipeline, and scripts that patch its steps.
After that a version is restored beside them, the pipeline is forked and exported. All the while a
client in another room has its cursor sent back, which shows for how long the event loop did
something else.

    python -m bench.large_edits [--steps 10000]
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from .clients import Room, connected
from .event_loop import Probe
from .figures import Spread, table
from .installation import Installation, installed
from .machine import describe
from .operations import file_of
from .server_edits import Counts, script, typing

SCRIPTS = 2
LONGEST_SECONDS = 280.0

HEADER = ("", "seconds", "cursor elsewhere p50 / p99 / max", "echo p50 / max", "PATCHes, p50 / max")


class Caller:
    """Makes the requests of one user, and fails if one is refused."""

    def __init__(self, http: httpx.AsyncClient, server: Installation) -> None:
        self._http, self._base = http, f"http://{server.address}/api"

    async def send(self, method: str, path: str, **content: object) -> httpx.Response:
        """Make a request."""
        answer = await self._http.request(method, f"{self._base}{path}", **content)  # type: ignore[arg-type]
        if answer.is_error:
            print(f"  {method} {path}: {answer.status_code} {answer.text[:200]}", flush=True)
        return answer

    async def put(self, pipeline_id: UUID, text: str) -> None:
        """Put a file in the place of a pipeline."""
        headers = {"Content-Type": "application/yaml"}
        path = f"/pipelines/{pipeline_id}/yaml"
        await self.send("PUT", path, content=text, headers=headers)


class Bench:
    """Runs one thing after the other, and collects the rows."""

    def __init__(self, server: Installation, probe: Probe) -> None:
        self._server, self._probe = server, probe
        self.rows: list[Sequence[str]] = []

    async def alone(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Measure something that is done while nobody else does anything."""
        self._probe.take()
        seconds = await _seconds(work)
        self._note(name, seconds, Counts())

    async def beside(
        self, name: str, pipeline_id: UUID, work: Callable[[], Awaitable[object]]
    ) -> None:
        """Measure something beside others who edit the same pipeline."""
        counts = Counts()
        async with _others(self._server, pipeline_id, counts):
            self._probe.take()
            counts.requests.clear()
            counts.echoes.clear()
            seconds = await _seconds(work)
            self._note(name, seconds, counts)

    def _note(self, name: str, seconds: float, counts: Counts) -> None:
        cursor = Spread.of(self._probe.take())
        cells = [name, f"{seconds:.1f}"]
        cells.append(f"{cursor.p50:.0f} / {cursor.p99:.0f} / {cursor.longest:.0f} ms")
        cells += _spread(counts.echoes), _spread(counts.requests)
        self.rows.append(cells)
        print(" | ".join(cells), flush=True)


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    spread = Spread.of(seconds)
    return f"{spread.p50:.0f} / {spread.longest:.0f} ms ({spread.count})"


@asynccontextmanager
async def _others(server: Installation, pipeline_id: UUID, counts: Counts) -> AsyncIterator[None]:
    """A client who types into a pipeline, and scripts that patch its steps."""
    headers = {"Authorization": f"Bearer {server.token}"}
    async with (
        typing(server, pipeline_id, counts),
        httpx.AsyncClient(headers=headers, timeout=LONGEST_SECONDS) as http,
    ):
        steps = f"http://{server.address}/api/pipelines/{pipeline_id}/steps"
        scripts = [
            asyncio.create_task(script(http, steps, number, float("inf"), counts))
            for number in range(SCRIPTS)
        ]
        await asyncio.sleep(3.0)
        yield
        for each in scripts:
            each.cancel()
        await asyncio.gather(*scripts, return_exceptions=True)


async def measure(steps: int) -> None:
    """Print the figures of each large edit."""
    async with installed(1) as (server, [small]):
        headers = {"Authorization": f"Bearer {server.token}"}
        async with (
            httpx.AsyncClient(headers=headers, timeout=LONGEST_SECONDS) as http,
            connected(Room(server.room(small))) as client,
        ):
            await client.join()
            probe = Probe(client)
            probing = asyncio.create_task(probe.run())
            await _phases(Bench(server, probe), Caller(http, server), steps)
            probing.cancel()


async def _phases(bench: Bench, caller: Caller, steps: int) -> None:
    await bench.alone("nothing", lambda: asyncio.sleep(2))
    team = (await caller.send("GET", "/teams")).json()["items"][0]["id"]
    made: list[UUID] = []

    async def create() -> None:
        body = {"name": "large", "team_id": team, "yaml": file_of(steps, "hello")}
        made.append(UUID((await caller.send("POST", "/pipelines", json=body)).json()["id"]))

    await bench.alone("import", create)
    [large] = made
    await asyncio.sleep(steps / 1_000)
    await bench.alone("PUT", lambda: caller.put(large, file_of(steps, "good morning")))
    await asyncio.sleep(steps / 1_000)
    versions = f"/pipelines/{large}/versions"
    await bench.alone("save a version", lambda: caller.send("POST", versions, json={"name": "one"}))
    other = file_of(steps, "good night")
    await bench.beside("PUT beside others", large, lambda: caller.put(large, other))
    await asyncio.sleep(steps / 1_000)
    await bench.beside(
        "restore beside others", large, lambda: caller.send("POST", f"{versions}/1/restore")
    )
    await asyncio.sleep(steps / 1_000)
    await bench.alone("fork", lambda: caller.send("POST", f"/pipelines/{large}/fork"))
    await bench.alone("export", lambda: caller.send("GET", f"/pipelines/{large}/yaml"))
    print(table(HEADER, bench.rows))


def main() -> None:
    """Measure with one large pipeline."""
    parser = argparse.ArgumentParser(prog="bench.large_edits")
    parser.add_argument("--steps", type=int, default=10_000)
    given = parser.parse_args()
    print(describe())
    asyncio.run(measure(given.steps))


if __name__ == "__main__":
    main()
