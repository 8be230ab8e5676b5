"""Who is shown `/metrics`, and what stands there."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.routing import Route

from app.settings import SettingsError
from app.telemetry import metrics
from app.telemetry.metrics import REGISTRY, WORKER_REGISTRY
from app.telemetry.metrics_page import MetricsPage, watch_loop, watch_projections, worker_page
from crdt.errors import PipelineNotFound
from persistence.ports.directory import NewPipeline
from persistence.ports.update_log import NewUpdate
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.pool import Pool
from persistence.postgres.projections import PostgresProjections
from persistence.postgres.update_log import PostgresUpdateLog
from tests.contracts.stores import NOON, a_pipeline
from tests.server import Installation, eventually

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana-dashboard.json"
HERE, THERE = "127.0.0.1", "203.0.113.7"


@dataclass
class House:
    """Something to observe."""

    connections: int = 4
    rooms: int = 3
    sessions: dict[str, int] = field(default_factory=lambda: {"y-websocket": 5, "hocuspocus": 2})
    depths: list[int] = field(default_factory=lambda: [10, 500, 0])
    pending_bytes: int = 42
    commits_failing_for: float = 7.5

    def sample_shapes(self) -> None:
        """There are none."""


async def asked(token: str | None, address: str, **headers: str) -> httpx.Response:
    application = Starlette(routes=[Route("/metrics", MetricsPage(House(), token).answer)])
    transport = httpx.ASGITransport(application, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get("/metrics", headers=headers)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("address", [HERE, "127.8.9.1", "::1"])
async def test_this_machine_may_look(address: str) -> None:
    answer = await asked(None, address)
    assert answer.status_code == 200
    assert "pipeloom_rooms 3.0" in answer.text


@pytest.mark.parametrize(
    ("token", "address", "headers"),
    [
        (None, THERE, {}),
        (None, THERE, {"Authorization": "Bearer "}),
        (None, THERE, {"Authorization": "Bearer None"}),
        ("open sesame", THERE, {}),
        ("open sesame", THERE, {"Authorization": "Bearer open"}),
        ("open sesame", THERE, {"Authorization": "Basic open sesame"}),
        ("open sesame", THERE, {"Authorization": "Bearer öffne dich"}),
        (None, HERE, {"X-Forwarded-For": THERE}),
        (None, HERE, {"X-Forwarded-For": HERE}),
        (None, HERE, {"Forwarded": f"for={THERE}"}),
        (None, HERE, {"Via": "1.1 proxy"}),
    ],
)
async def test_strangers_may_not(token: str | None, address: str, headers: dict[str, str]) -> None:
    encoded = {name: text.encode() for name, text in headers.items()}
    answer = await asked(token, address, **encoded)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert "pipeloom_" not in answer.text


@pytest.mark.parametrize("address", [HERE, THERE])
async def test_who_shows_the_token_may_look(address: str) -> None:
    answer = await asked("open sesame", address, Authorization="bearer open sesame")
    assert answer.status_code == 200


async def test_what_there_is_stands_on_the_page() -> None:
    page = (await asked(None, HERE)).text
    for line in (
        "pipeloom_connections 4.0",
        'pipeloom_sessions{protocol="hocuspocus"} 2.0',
        "pipeloom_outbox_bytes 510.0",
        "pipeloom_outbox_max_bytes 500.0",
        "pipeloom_pending_bytes 42.0",
        "pipeloom_commits_failing_seconds 7.5",
    ):
        assert line in page
    metrics.counters.bus_gaps += 1
    before = float(re.findall(r"^pipeloom_bus_gaps_total (\S+)", page, re.MULTILINE)[0])
    assert value("pipeloom_bus_gaps_total") == before + 1


@pytest.mark.parametrize("registry", [REGISTRY, WORKER_REGISTRY])
def test_there_are_no_series_of_when_others_began(registry: CollectorRegistry) -> None:
    page = generate_latest(registry).decode()
    assert "pipeloom_" in page
    assert re.findall(r"^\w+_created\b", page, re.MULTILINE) == []


def test_a_worker_tells_of_its_own_work_alone() -> None:
    page = generate_latest(WORKER_REGISTRY).decode()
    families = set(re.findall(r"^# TYPE (pipeloom_\w+) \w+$", page, re.MULTILINE))
    assert families == {
        "pipeloom_projection_seconds",
        "pipeloom_projections_failed_total",
        "pipeloom_projected_rows_total",
        "pipeloom_versions_saved_total",
    }
    assert "process_cpu_seconds_total" in page


async def test_a_worker_shows_them_to_this_machine() -> None:
    with worker_page(0) as port:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    assert "pipeloom_projection_seconds_count" in answer.text
    with worker_page(None) as port:
        assert port is None


async def test_a_worker_of_its_own_says_where_they_are(installation: Installation) -> None:
    async with (
        installation.serve("--no-worker"),
        installation.background("worker", "--metrics-port", "0"),
    ):
        place = await eventually("the place", lambda: metrics_place(installation))

        async def has_projected() -> bool:
            async with httpx.AsyncClient() as client:
                page = (await client.get(place)).text
            found = re.search(r"^pipeloom_projection_seconds_count (\S+)$", page, re.MULTILINE)
            return found is not None and float(found[1]) > 0

        async with installation.sql() as sql:
            await sql.execute("UPDATE projection_cursors SET seq = 0")
        await eventually("a projection", has_projected)


async def metrics_place(installation: Installation) -> str:
    found = re.search(r"metrics are at (\S+)", installation.log_file.read_text())
    return found[1] if found else ""


def test_a_port_that_is_taken_is_explained() -> None:
    with worker_page(0) as port, pytest.raises(SettingsError, match="choose another"):
        worker_page(port).__enter__()


def test_reasons_are_words() -> None:
    before = value("pipeloom_rejects_total", reason="pipeline_not_found")
    metrics.reject(PipelineNotFound())
    assert value("pipeloom_rejects_total", reason="pipeline_not_found") == before + 1


@pytest.fixture
async def behind(pool: Pool) -> int:
    """A pipeline whose rows lack updates: how many."""
    directory, log = PostgresDirectory(pool), PostgresUpdateLog(pool)
    demo = await directory.ensure_demo()
    pipeline_id = uuid4()
    await directory.create_pipeline(
        NewPipeline(pipeline_id, demo.team_id, None, a_pipeline(), b"\x00\x00", NOON)
    )
    await log.append([NewUpdate(pipeline_id, None, b"\x00\x00", NOON)] * 4)
    return 5


async def test_the_lag_of_the_tables_is_known(pool: Pool, behind: int) -> None:
    await once(
        watch_projections(PostgresProjections(pool)),
        lambda: value("pipeloom_projection_lag_updates") == behind,
    )
    assert value("pipeloom_projection_lag_seconds") > 0


async def test_tables_that_are_not_behind_have_no_lag(pool: Pool) -> None:
    metrics.PROJECTION_LAG_UPDATES.set(9)
    await once(
        watch_projections(PostgresProjections(pool)),
        lambda: value("pipeloom_projection_lag_updates") == 0,
    )
    assert value("pipeloom_projection_lag_seconds") == 0


async def test_the_lag_of_the_loop_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.telemetry.metrics_page.LOOP_EVERY", 0.001)
    before = value("pipeloom_loop_lag_seconds_count")
    await once(watch_loop(), lambda: value("pipeloom_loop_lag_seconds_count") > before)


async def once(watch: object, condition: object) -> None:
    """Run a watch until a condition holds."""
    task = asyncio.create_task(watch)  # type: ignore[arg-type]

    async def holds() -> bool:
        return bool(condition())  # type: ignore[operator]

    await eventually("a sample", holds)
    task.cancel()


def test_the_dashboard_shows_metrics_that_exist() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]
    metrics.REJECTS.labels("a reason")
    metrics.SESSIONS.labels("a protocol")
    metrics.BUS_DROPPED.labels("a reason")
    metrics.SHAPE_REFETCHES.labels("a reason")
    metrics.SHAPE_HANDOVERS.labels("an outcome")
    pages = generate_latest(REGISTRY) + generate_latest(WORKER_REGISTRY)
    there = set(re.findall(r"^(\w+)", pages.decode(), re.MULTILINE))
    named = {
        name for text in expressions for name in re.findall(r"\b(?:pipeloom|process)_\w+", text)
    }
    assert len(named) > 20
    assert named - there == set()


def test_the_dashboard_shows_every_metric() -> None:
    text = DASHBOARD.read_text()
    families = [*REGISTRY.collect(), *WORKER_REGISTRY.collect()]
    names = {family.name for family in families if family.name.startswith("pipeloom_")}
    assert {name for name in names if name not in text} == set()
