"""The plain histogram shows what the library's shows."""

import random

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from app.telemetry.metrics import LATENCIES, PlainHistogram


def _page(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


def test_a_plain_histogram_shows_what_the_librarys_shows() -> None:
    draw = random.Random(7)
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    plain = PlainHistogram("seconds", "How long.", LATENCIES)
    ours.register(plain)
    library = Histogram("seconds", "How long.", buckets=LATENCIES, registry=theirs)
    assert _page(ours) == _page(theirs)
    for value in (*LATENCIES, *(draw.expovariate(10) for _ in range(200)), 31.0):
        plain.observe(value)
        library.observe(value)
    assert _page(ours) == _page(theirs)
