"""Several processes on one port."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import httpx
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.app.test_crash import Ledger, markers_in, prepared
from tests.editor import Editor, joined
from tests.processes import alive, children
from tests.server import Installation, Server, eventually

VISITORS = 12
"""So many that they do not all come to the same of two processes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_processes(shared_installation: Installation) -> AsyncIterator[Server]:
    """A server of two processes, for the tests that kill nothing and leave nobody connected."""
    async with shared_installation.serve("--workers", "2") as server:
        yield server


async def until_all_have(editors: list[Editor], marker: str) -> None:
    for editor in editors:
        await editor.until(
            marker,
            lambda: marker in {step["name"] for step in editor.steps.values()},  # noqa: B023
        )


async def visitors(stack: AsyncExitStack, room: str) -> list[Editor]:
    return [await stack.enter_async_context(joined(room)) for _ in range(VISITORS)]


async def test_editors_of_all_processes_see_each_other(
    two_processes: Server, shared_installation: Installation
) -> None:
    async with AsyncExitStack() as stack:
        ledger = Ledger(random.Random(1))
        token = await shared_installation.token()
        pipeline_id = await prepared(two_processes, shared_installation, token)
        editors = await visitors(stack, two_processes.room(pipeline_id, token))
        for editor in editors:
            began = time.monotonic()
            await until_all_have(editors, await ledger.write_one(editor))
            assert time.monotonic() - began < 2
        assert all(markers_in(editor.doc) == ledger.echoed for editor in editors)


async def test_a_process_that_dies_is_started_again(installation: Installation) -> None:
    async with installation.serve("--workers", "2") as server:
        ledger = Ledger(random.Random(1))
        token = await installation.token()
        room = server.room(await prepared(server, installation, token), token)

        async def all_there() -> list[int]:
            found = children(server.program.pid)
            return found if len(found) == 3 else []

        before = await eventually("two that serve and a worker", all_there)
        async with AsyncExitStack() as stack:
            editors = await visitors(stack, room)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            for editor in editors:
                await editor.close()

        async def replaced() -> bool:
            return len(set(children(server.program.pid)) - set(before)) == 3

        await eventually("two others and a worker", replaced)
        await eventually("an answer", lambda: answers(server))
        async with joined(room) as editor:
            await ledger.write_one(editor)


async def answers(server: Server) -> bool:
    # Who asks while nobody serves waits in the queue of the socket.
    with suppress(httpx.TimeoutException):
        async with httpx.AsyncClient() as client:
            answer = await client.get(server.http("/readyz"), timeout=5)
        return answer.status_code == 200
    return False


async def test_any_process_tells_what_all_count(
    two_processes: Server, shared_installation: Installation
) -> None:
    server = two_processes
    async with AsyncExitStack() as stack:
        ledger = Ledger(random.Random(1))
        token = await shared_installation.token()
        room = server.room(await prepared(server, shared_installation, token), token)
        await eventually("nobody of another test", lambda: is_alone(server))
        editors = await visitors(stack, room)
        for editor in editors:
            await ledger.write_one(editor)
        for editor in editors:
            await editor.until_echoed()

        async def is_projected() -> bool:
            return bool((await told(server)).get(("pipeloom_projected_rows_total", "worker")))

        await eventually("the worker's rows", is_projected)
        # Of several requests, some come to each.
        for _ in range(6):
            page = await told(server)
            assert total(page, "pipeloom_connections") == VISITORS
            assert total(page, "pipeloom_updates_in_total") >= VISITORS
            assert total(page, "pipeloom_ack_seconds_count") >= VISITORS
            assert total(page, "pipeloom_bus_up") == 2
            assert total(page, "pipeloom_bus_received_total") > 0
        for editor in editors:
            await editor.close()


async def is_alone(server: Server) -> bool:
    return total(await told(server), "pipeloom_connections") == 0


async def told(server: Server) -> dict[tuple[str, str], float]:
    """What `/metrics` says: of each metric and process."""
    async with httpx.AsyncClient() as client:
        page = (await client.get(server.http("/metrics"))).text
    return {
        (sample.name, sample.labels["process"]): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def total(page: dict[tuple[str, str], float], name: str) -> float:
    return sum(value for (each, _), value in page.items() if each == name)


async def test_the_signal_to_stop_drains_all(installation: Installation) -> None:
    async with installation.serve("--workers", "2") as server, AsyncExitStack() as stack:
        room = server.room(await installation.demo_pipeline(), await installation.token())
        editors = await visitors(stack, room)
        pids = children(server.program.pid)
        began = time.monotonic()
        assert await server.program.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 10
        for editor in editors:
            code, _ = await editor.close_code()
            assert code == 1012
        assert not alive(pids)


async def test_processes_do_not_outlive_their_parent(installation: Installation) -> None:
    async with installation.serve("--workers", "2") as server:
        pids = children(server.program.pid)
        await server.program.kill()

        async def all_gone() -> bool:
            return not alive(pids)

        await eventually("nobody left", all_gone)


async def test_a_port_that_is_taken_is_explained(
    two_processes: Server, shared_installation: Installation
) -> None:
    port = str(two_processes.port)
    outcome = await asyncio.wait_for(
        shared_installation.run("serve", "--workers", "2", "--port", port), 30
    )
    assert outcome.code == 1
    assert "choose another --port" in outcome.err
    assert "Traceback" not in outcome.err
