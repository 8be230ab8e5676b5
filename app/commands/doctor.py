"""What `pipeloom doctor` does: one page of what somebody who helps would ask first.

It changes nothing and shows no secret, so that the page can be sent to others.
"""

import asyncio
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import metadata
from statistics import median
from typing import Annotated, Final

import typer

from app.bus_selection import bus_kind, check_bus
from app.settings import Settings, variable
from app.version import VERSION
from crdt.errors import PipeloomError
from persistence.postgres.facts import DatabaseFacts, database_facts
from persistence.postgres.migrations import missing_migrations
from persistence.postgres.pool import DatabaseConnection, connection, place_of

from . import doctor_shapes
from .common import DatabaseUrl, DataDir, RedisUrl, database, one_line, settings_for
from .doctor_logs import add_logs
from .report import Report, size
from .server_pages import fetch
from .variables import unknown_variables

LIBRARIES: Final = ("pycrdt", "asyncpg", "uvicorn", "starlette", "redis")
OLDEST_POSTGRES: Final = 15
PINGS: Final = 5
SLOW_MS: Final = 50.0
"""Milliseconds of a ping beyond which every edit is slow."""

FULL: Final = 0.9
"""The share of connections in use beyond which few are left."""

LATE_SECONDS: Final = 60.0
"""Beyond which the tables are not just a moment behind."""

LEAST_DISK: Final = 1024**3

LISTENING: Final = 3
"""Connections of a server process beside its pools: for roles, projections and shapes."""

BIGGEST: Final = 5

_GAUGES: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {
    "pipeloom_connections": sum,
    "pipeloom_rooms": sum,
    # Each process has a bus, and it is as good as the worst of them.
    "pipeloom_bus_up": min,
}
"""What is said of a running server, and what the values of its processes are together."""


def doctor(
    *,
    url: Annotated[
        str | None,
        typer.Option(
            help="A running server to ask as well, such as http://host:8000. (no default)"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    redis_url: RedisUrl = None,
) -> None:
    """Print what a support engineer would ask first, without secrets; exits 1 if anything is wrong.

    It changes nothing, and works beside running servers.
    """
    settings = settings_for(data_dir=data_dir, database_url=database_url, redis_url=redis_url)
    report = Report()
    _add_program(report, settings)
    _add_database(report, settings)
    asyncio.run(_add_bus(report, settings))
    doctor_shapes.add_shapes(report, settings)
    if url is not None:
        _add_server(report, settings, url)
    typer.echo(report.json() if as_json else report.text())
    if report.problems:
        raise typer.Exit(1)


def _add_program(report: Report, settings: Settings) -> None:
    report.add("program", "pipeloom", VERSION)
    report.add("program", "python", f"{platform.python_version()} on {platform.platform()}")
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            report.add("program", name, metadata.version(name))
    for name, value in settings.chosen.items():
        report.add("settings that differ", variable(name), value)
    for sentence in unknown_variables(os.environ):
        report.add("settings that differ", sentence.partition(" ")[0], "ignored", sentence)


def _add_database(report: Report, settings: Settings) -> None:
    kind = "embedded" if settings.database_url is None else place_of(settings.database_url)
    report.add("database", "kind", kind)
    try:
        with database(settings) as dsn:
            asyncio.run(_ask_database(report, settings, dsn))
    except (PipeloomError, OSError) as error:
        report.add("database", "reachable", "no", one_line(error))
    if settings.database_url is not None:
        report.add("disk", "of PostgreSQL", "cannot be seen from here: look at its machine")
    if settings.data_dir.is_dir():
        _add_disk(report, settings)


async def _ask_database(report: Report, settings: Settings, dsn: str) -> None:
    async with connection(dsn) as opened:
        report.add("database", "reachable", "yes")
        await _add_latency(report, opened)
        facts = await database_facts(opened)
        _add_facts(report, facts)
        _add_role(report, facts)
        _add_pools(report, settings, facts)
        try:
            missing = await missing_migrations(dsn)
        except PipeloomError as error:
            report.add("database", "schema", facts.schema, one_line(error))
            return
        problem = f"run `pipeloom migrate`: {', '.join(missing)}" if missing else ""
        report.add("database", "schema", facts.schema, problem)
        if facts.owner is not None:
            [applied] = await opened.fetch("applied_facts")
            last = applied["last_at"].isoformat(timespec="seconds")
            report.add("database", "migrations", f"{applied['applied']}, the last at {last}")
        if not missing:
            await doctor_shapes.add_tables(report, settings, opened)
            await _add_documents(report, opened)
    if not missing:
        await add_logs(report, dsn)


async def _add_latency(report: Report, opened: DatabaseConnection) -> None:
    taken = []
    for _ in range(PINGS):
        began = time.perf_counter()
        await opened.fetchval("ping")
        taken.append((time.perf_counter() - began) * 1000)
    slow = "each edit waits for that: move the server nearer" if median(taken) > SLOW_MS else ""
    report.add("database", "latency", f"{median(taken):.1f} ms", slow)


def _add_facts(report: Report, facts: DatabaseFacts) -> None:
    old = f"expected {OLDEST_POSTGRES} or newer" if facts.major < OLDEST_POSTGRES else ""
    report.add("database", "postgresql", facts.version, old)
    is_full = facts.connections > FULL * facts.max_connections
    report.add(
        "database",
        "connections",
        f"{facts.connections} of {facts.max_connections}",
        "few are left: lower PIPELOOM_POOL_…, or raise max_connections" if is_full else "",
    )


def _add_role(report: Report, facts: DatabaseFacts) -> None:
    """What the role of the address may do: see docs/operations.md, "Least privilege"."""
    is_owner = facts.is_superuser or facts.role == facts.owner
    kinds = {"superuser": facts.is_superuser, "owner of the tables": facts.role == facts.owner}
    text = ", ".join([facts.role, *(kind for kind, is_so in kinds.items() if is_so), *facts.groups])
    problem = ""
    if facts.owner is not None and not (is_owner or "pipeloom_server" in facts.groups):
        problem = f"it may not serve: `pipeloom servers grant {facts.role}`, as {facts.owner}"
    elif facts.owner is not None and "pipeloom_api" not in facts.groups:
        problem = f"requests will fail: GRANT pipeloom_api TO {facts.role}"
    report.add("database", "role", text, problem)


def most_connections(settings: Settings) -> int:
    """How many connections `serve` with these settings takes at most, with its worker."""
    pools = settings.pool_log + settings.pool_api + settings.pool_shapes
    has_bus = settings.workers > 1 and settings.redis_url is None
    servers = settings.workers * (pools + LISTENING + has_bus)
    return servers + (0 if settings.no_worker else settings.pool_worker + 1)


def _add_pools(report: Report, settings: Settings, facts: DatabaseFacts) -> None:
    most = most_connections(settings)
    problem = ""
    if most > facts.free_connections:
        problem = "lower PIPELOOM_POOL_…, or raise max_connections: some would get none"
    text = f"{most} at most for `serve` with these settings, of {facts.free_connections}"
    report.add("database", "pools", text, problem)


async def _add_documents(report: Report, opened: DatabaseConnection) -> None:
    [sizes] = await opened.fetch("sizes_of_all")
    report.add("documents", "count", sizes["documents"])
    report.add("documents", "log", size(sizes["log_bytes"]))
    report.add("documents", "database", size(sizes["database_bytes"]))
    [lag] = await opened.fetch("projection_lag")
    late = lag["seconds"] > LATE_SECONDS
    problem = "is a worker running? see projection.failed in its log" if late else ""
    behind = f"{lag['updates']} updates, {lag['seconds']:.0f} s"
    report.add("documents", "tables behind by", behind, problem)
    for row in await opened.fetch("late_documents", LATE_SECONDS, BIGGEST):
        text = f"{row['updates']} updates since {row['since'].isoformat(timespec='seconds')}"
        problem = "not projected: see the worker's log, and run `pipeloom check`"
        report.add("documents", f"late {row['pipeline_id']}", text, problem)
    for row in await opened.fetch("biggest_documents", BIGGEST):
        text = f"{size(row['log_bytes'])} in {row['head_seq']} updates"
        report.add("documents", f"big {row['pipeline_id']}", text)


def _add_disk(report: Report, settings: Settings) -> None:
    usage = shutil.disk_usage(settings.data_dir)
    problem = "make space: when it is full, nothing is stored" if usage.free < LEAST_DISK else ""
    text = f"{size(usage.free)} of {size(usage.total)} left"
    report.add("disk", "of the data directory", text, problem)


async def _add_bus(report: Report, settings: Settings) -> None:
    report.add("bus", "kind", bus_kind(settings))
    if settings.redis_url is None:
        return
    try:
        version, taken = await check_bus(settings.redis_url, PINGS)
        report.add("bus", "version", version)
        milliseconds = median(taken) * 1000
        slow = "others see each edit that much later" if milliseconds > SLOW_MS else ""
        report.add("bus", "latency", f"{milliseconds:.1f} ms", slow)
    except PipeloomError as error:
        report.add("bus", "reachable", "no", one_line(error))


def _add_server(report: Report, settings: Settings, url: str) -> None:
    try:
        status, text = fetch(f"{url.rstrip('/')}/readyz")
        ready = status == 200
        problem = "" if ready else f"it should receive no clients: {' '.join(text.split())}"
        report.add("server", "ready", "yes" if ready else "no", problem)
        secret = settings.metrics_token
        token = None if secret is None else secret.get_secret_value()
        status, text = fetch(f"{url.rstrip('/')}/metrics", token)
    except PipeloomError as error:
        report.add("server", "reachable", "no", one_line(error))
        return
    if status != 200:
        report.add("server", "metrics", f"refused ({status}): set PIPELOOM_METRICS_TOKEN")
        return
    for name, together in _GAUGES.items():
        if values := _values(text, name):
            report.add("server", name.removeprefix("pipeloom_"), f"{together(values):.0f}")


def _values(page: str, name: str) -> list[float]:
    """The values of a metric, one of each process."""
    found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", page, re.MULTILINE)
    return [float(value) for value in found]
