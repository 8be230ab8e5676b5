"""What the log says of a process when it begins and ends: which one this is, and why it stops."""

import os
import platform
import signal
from dataclasses import dataclass

import structlog

from app.bus_selection import bus_kind
from app.settings import Settings
from app.version import VERSION
from persistence.postgres.facts import database_facts
from persistence.postgres.pool import SERVER, connection, place_of

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a process runs with; of secrets only that they are set."""

    database: str
    postgresql: str
    schema: str
    settings: str

    @classmethod
    async def of(
        cls, settings: Settings, dsn: str, application_name: str = SERVER
    ) -> "Circumstances":
        """Ask the database. Raises StoreError."""
        async with connection(dsn, application_name) as database:
            facts = await database_facts(database)
        place = "embedded" if settings.database_url is None else place_of(dsn)
        chosen = " ".join(f"{name}={value}" for name, value in settings.chosen.items())
        return cls(place, facts.version, facts.schema, chosen)

    def log_server(self, settings: Settings, address: str) -> None:
        """Log that a server is ready."""
        _logger.info(
            "server.started",
            version=VERSION,
            python=platform.python_version(),
            pid=os.getpid(),
            address=address,
            processes=settings.workers,
            worker=not settings.no_worker,
            bus=bus_kind(settings),
            database=self.database,
            postgresql=self.postgresql,
            schema=self.schema,
            settings=self.settings,
        )

    def log_worker(self) -> None:
        """Log that a worker begins."""
        _logger.info(
            "worker.started",
            version=VERSION,
            pid=os.getpid(),
            database=self.database,
            postgresql=self.postgresql,
            schema=self.schema,
            settings=self.settings,
        )


def log_stopping(number: int | None, clients: int) -> None:
    """Log that a server begins to drain, because of a signal."""
    _logger.info("server.stopping", reason=signal_name(number), clients=clients)


def log_stopped(seconds: float, clients: int, clients_left: int) -> None:
    """Log that a server has drained: how many clients it sent away, and who had not closed."""
    _logger.info(
        "server.stopped",
        drained_in=round(seconds, 2),
        clients_notified=clients,
        clients_left=clients_left,
    )


def log_worker_stopped(number: int | None) -> None:
    """Log that a worker has ended in order."""
    _logger.info("worker.stopped", reason=signal_name(number))


def signal_name(number: int | None) -> str:
    """The name of a signal, such as SIGTERM."""
    return "-" if number is None else signal.Signals(number).name
