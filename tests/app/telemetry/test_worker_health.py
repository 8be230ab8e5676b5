"""Whether a worker is well, asked from a thread as the page beside its metrics does."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.telemetry import worker_health
from app.telemetry.metrics_page import worker_page
from app.telemetry.worker_health import HEALTH
from persistence.errors import StoreUnavailable


async def fine() -> None:
    pass


async def away() -> None:
    raise StoreUnavailable("PostgreSQL is away")


async def statuses(port: int | None) -> list[tuple[int, str]]:
    async with httpx.AsyncClient() as client:
        answers = [
            await client.get(f"http://127.0.0.1:{port}{path}") for path in ("/healthz", "/readyz")
        ]
    return [(answer.status_code, answer.text) for answer in answers]


async def test_without_a_worker_nothing_is_well() -> None:
    with worker_page(0) as port:
        assert await statuses(port) == [(503, "the worker is not running")] * 2


async def test_a_worker_without_its_database_is_alive_and_not_ready() -> None:
    with worker_page(0) as port:
        with HEALTH.watching(fine):
            assert await statuses(port) == [(200, "ok")] * 2
        with HEALTH.watching(away):
            assert await statuses(port) == [(200, "ok"), (503, "PostgreSQL is away")]


async def test_a_worker_that_computes_for_ever_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_health, "PATIENCE", 0.05)
    with HEALTH.watching(fine), ThreadPoolExecutor() as threads:
        asked = threads.submit(HEALTH.problem, with_database=False)
        # The event loop is held until the thread has lost its patience.
        assert "did not answer" in (asked.result(timeout=30) or "")
