"""What `pipeloom doctor` says of shapes: who makes them, and whether that can work."""

from http import HTTPStatus

from app.settings import Settings
from crdt.errors import PipeloomError
from persistence.postgres.electric import SLOT, replication_facts
from persistence.postgres.pool import DatabaseConnection

from .common import one_line
from .report import Report
from .server_pages import fetch


def add_shapes(report: Report, settings: Settings) -> None:
    """Say who makes shapes; ask Electric whether it does, without the secret."""
    if settings.electric_url is None:
        report.add("shapes", "made by", "the servers themselves")
        return
    report.add("shapes", "made by", f"Electric at {settings.electric_url}")
    try:
        status, _ = fetch(f"{settings.electric_url}/v1/health")
    except PipeloomError as error:
        report.add("shapes", "ready", "no", f"clients get 503: {one_line(error)}")
        return
    report.add("shapes", "ready", "yes" if status == HTTPStatus.OK else "no", _why_not(status))


def _why_not(status: int) -> str:
    match status:
        case HTTPStatus.OK:
            return ""
        case HTTPStatus.ACCEPTED:
            return "it is still starting, or waits for PostgreSQL: look at its log"
    return f"expected 200 of /v1/health, got {status}: does ELECTRIC_URL lead to Electric?"


async def add_tables(report: Report, settings: Settings, opened: DatabaseConnection) -> None:
    """Say what the database knows of it: the lease, or what Electric needs. Raises StoreError."""
    if settings.electric_url is None:
        holder = await opened.fetchrow("shape_lease_holder")
        held = "nobody has them: nobody has asked" if holder is None else f"at {holder['address']}"
        report.add("database", "shapes", held)
        return
    facts = await replication_facts(opened)
    report.add("database", "wal_level", facts.wal_level, "; ".join(facts.advice))
    if facts.is_followed:
        report.add("database", "slot of Electric", f"{SLOT}, followed")
    elif facts.has_slot:
        problem = "Electric is not connected, and the slot keeps all that is written: start it"
        report.add("database", "slot of Electric", f"{SLOT}, followed by nobody", problem)
    else:
        problem = "Electric has never been connected: run `pipeloom electric setup ROLE`, start it"
        report.add("database", "slot of Electric", "none", problem)
