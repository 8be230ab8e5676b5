"""What several processes count, on one page."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry import multiprocess_metrics
from app.telemetry.multiprocess_metrics import MultiprocessMetrics, merged


@pytest.fixture
def directory() -> Iterator[Path]:
    # The name of a socket has to be short, and that of a test's own directory is not.
    with TemporaryDirectory(prefix="pipeloom-") as name:
        yield Path(name)


def a_page(edits: int) -> bytes:
    registry = CollectorRegistry()
    Counter("loom_edits", "Edits.", ["kind"], registry=registry).labels("good").inc(edits)
    Gauge("loom_rooms", "Rooms.", registry=registry).set(edits)
    Histogram("loom_seconds", "Time.", buckets=(1, 10), registry=registry).observe(edits)
    return generate_latest(registry)


def samples(page: bytes, name: str) -> dict[str, float]:
    """The sample of a metric by process."""
    return {
        sample.labels["process"]: sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if sample.name == name
    }


async def test_the_page_of_any_process_has_the_samples_of_all(directory: Path) -> None:
    one, two = MultiprocessMetrics(directory, "1"), MultiprocessMetrics(directory, "2")
    async with one.serving(lambda: a_page(3)), two.serving(lambda: a_page(5)):
        pages = [await one.page(), await two.page()]
    for page in pages:
        assert samples(page, "loom_edits_total") == {"1": 3, "2": 5}
        assert samples(page, "loom_rooms") == {"1": 3, "2": 5}
        assert samples(page, "loom_seconds_count") == {"1": 1, "2": 1}
        assert page.count(b"# TYPE loom_edits_total counter") == 1


def test_one_page_stays_what_it_was() -> None:
    page = a_page(3).decode()
    assert values(merged({"1": page}).decode()) == values(page)


def values(page: str) -> list[tuple[str, float]]:
    return [
        (sample.name, sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]


async def test_one_that_was_killed_is_left_out_until_another_takes_its_place(
    directory: Path,
) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(directory / "2"))
    one, two = MultiprocessMetrics(directory, "1"), MultiprocessMetrics(directory, "2")
    async with one.serving(lambda: a_page(3)):
        assert samples(await one.page(), "loom_rooms") == {"1": 3}
        async with two.serving(lambda: a_page(0)):
            assert samples(await one.page(), "loom_rooms") == {"1": 3, "2": 0}


async def test_one_that_hangs_or_breaks_off_is_left_out(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocess_metrics, "ANSWER_SECONDS", 0.05)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(a_page(7))
        await reader.read()
        writer.close()

    async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(a_page(7)[:-20])
        writer.close()

    one = MultiprocessMetrics(directory, "1")
    async with (
        one.serving(lambda: a_page(3)),
        await asyncio.start_unix_server(hang, directory / "2"),
        await asyncio.start_unix_server(break_off, directory / "3"),
    ):
        assert samples(await one.page(), "loom_rooms") == {"1": 3}
