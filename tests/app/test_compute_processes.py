"""Large computations run in processes, small ones in threads; both give the same answers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from pickle import PicklingError

import pytest

from app.api.core.problems import Stale
from app.compute_processes import LOST, MOST_BYTES, TOO_MUCH_MEMORY, ComputeProcesses
from app.processes.supervisor import CONTEXT
from crdt.document.document import random_client_id
from crdt.errors import EditConflict, Overloaded, PipelineFileError
from persistence.ports.update_log import StoredDocument
from tests.server import eventually

LARGE, SMALL = bytes(100), b""


@pytest.fixture
async def compute() -> AsyncIterator[ComputeProcesses]:
    processes = ComputeProcesses(large_bytes=len(LARGE), at_once=2)
    yield processes
    processes.close()


def process_id(_: object) -> int:
    return os.getpid()


ERRORS = {
    "of a file": lambda: PipelineFileError("expected a step", 3, 4),
    "of an edit": lambda: EditConflict("taken", "name"),
    "of the API": lambda: Stale("now", '"tag"'),
    "of Python": lambda: RecursionError("too deep"),
}


def raise_error(_: bytes, which: str) -> None:
    raise ERRORS[which]()


def unpicklable(_: bytes) -> object:
    return lambda: 1


def client_id(_: bytes) -> int:
    return random_client_id()


def compute_for_ever(_: bytes, file: Path) -> None:
    file.write_text(str(os.getpid()))
    while True:
        signal.pause()


def kill_itself(_: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def size_of(stored: StoredDocument, extra: bytes = b"") -> int:
    return stored.size + len(extra)


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


async def until(file: Path) -> int:
    """Wait for a process to write its id into a file."""

    def text() -> str:
        return file.read_text() if file.exists() else ""

    async def written() -> str:
        return text()

    return int(await eventually("a process", written))


async def until_gone(process: int) -> None:
    async def gone() -> bool:
        return is_gone(process)

    await eventually("its end", gone)


async def test_what_is_large_runs_in_a_process_of_its_own(compute: ComputeProcesses) -> None:
    stored = StoredDocument(LARGE, 1, ())
    ids = [await compute(process_id, each) for each in (LARGE, LARGE, stored, SMALL)]
    assert len(set(ids[:3])) == 3
    assert os.getpid() not in ids[:3]
    assert ids[3] == os.getpid()
    assert await compute(size_of, stored, extra=SMALL) == len(LARGE)


@pytest.mark.parametrize("which", ERRORS)
async def test_what_it_raises_is_raised_here(compute: ComputeProcesses, which: str) -> None:
    error = ERRORS[which]()
    with pytest.raises(type(error)) as raised:
        await compute(raise_error, LARGE, which)
    assert raised.value.args == error.args
    assert vars(raised.value) == vars(error)


async def test_what_cannot_be_sent_is_an_error_and_no_loss(compute: ComputeProcesses) -> None:
    with pytest.raises((AttributeError, PicklingError)):
        await compute(unpicklable, LARGE)
    with pytest.raises((AttributeError, PicklingError)):
        await compute(lambda _: 1, LARGE)


async def test_no_two_of_them_draw_the_same_client_id(compute: ComputeProcesses) -> None:
    ids = await asyncio.gather(*(compute(client_id, LARGE) for _ in range(6)))
    assert len(set(ids)) == 6


async def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with closing(ComputeProcesses(large_bytes=len(LARGE), most_seconds=1.0)) as impatient:
        with pytest.raises(Overloaded, match="longer than 1 s and was ended: nothing was changed"):
            await impatient(compute_for_ever, LARGE, file := tmp_path / "process")
        # On a machine with much to do it may have been ended before it had begun.
        if file.exists():
            await until_gone(await until(file))


async def test_one_that_nobody_waits_for_is_ended(
    compute: ComputeProcesses, tmp_path: Path
) -> None:
    computing = asyncio.create_task(compute(compute_for_ever, LARGE, tmp_path / "process"))
    process = await until(tmp_path / "process")
    computing.cancel()
    await until_gone(process)
    with pytest.raises(asyncio.CancelledError):
        await computing


async def test_one_that_is_killed_is_said_to_be_lost(compute: ComputeProcesses) -> None:
    with pytest.raises(Overloaded) as raised:
        await compute(kill_itself, LARGE)
    assert str(raised.value) == LOST
    assert await compute(process_id, LARGE) != os.getpid()


async def test_only_so_many_run_at_the_same_time(compute: ComputeProcesses, tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(2)]
    running = [asyncio.create_task(compute(compute_for_ever, LARGE, file)) for file in files]
    processes = [await until(file) for file in files]
    waiting = asyncio.create_task(compute(process_id, LARGE))
    small = await compute(process_id, SMALL)
    assert small == os.getpid()
    assert not waiting.done()
    os.kill(processes[0], signal.SIGKILL)
    assert await waiting not in processes
    compute.close()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        assert isinstance(outcome, Overloaded)


def compute_and_wait(file: Path) -> None:
    async def main() -> None:
        await ComputeProcesses(large_bytes=1)(compute_for_ever, LARGE, file)

    asyncio.run(main())


async def test_none_outlives_its_server(tmp_path: Path) -> None:
    server = CONTEXT.Process(target=compute_and_wait, args=(tmp_path / "process",))
    server.start()
    process = await until(tmp_path / "process")
    server.kill()
    await until_gone(process)
    server.join()


def fill_memory(_: bytes) -> int:
    return len(bytes(2 * MOST_BYTES))


async def test_one_that_takes_too_much_memory_is_refused(compute: ComputeProcesses) -> None:
    with pytest.raises(Overloaded) as caught:
        await compute(fill_memory, LARGE)
    assert caught.value.reason == TOO_MUCH_MEMORY
