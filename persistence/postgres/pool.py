"""Connections to PostgreSQL: the one place that knows the driver, its types and its errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types

from crdt.pipeline.json_values import JsonText
from persistence.errors import (
    Conflict,
    InvalidValue,
    Locked,
    PrivilegeMissing,
    SchemaOutdated,
    StorageFull,
    StoreError,
    StoreUnavailable,
    TooManyChanges,
    UnknownSubject,
)
from persistence.ports.shapes import QueryTooSlow
from persistence.ports.user_rows import Record

from .queries import QUERIES, NamedQueries

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to wait for a connection to be made."""

CANCEL_SECONDS: Final = 2.0
"""Seconds that PostgreSQL may take to stop what nobody waits for any more. A connection on which it
takes longer is given up: the driver would wait for as long as a command may take."""

KEPT_CHARACTERS, NAMED_CHARACTERS = 15_360, 600
"""The length up to which statements are kept prepared: the driver's own; and where others are made
up, which are longer than the named ones."""

MAX_QUERIES: Final = 50_000
IDLE_SECONDS: Final = 300.0
"""After how many queries, and after how many seconds without one, a pool closes a connection. Both
are the driver's own, as `asyncpg.create_pool` has them."""

SERVER: Final = "pipeloom"
WORKER: Final = "pipeloom worker"
COMMAND: Final = "pipeloom command"
"""The names of sessions, by which the audit log knows where a change comes from."""

LISTENER: Final = "pipeloom listener"
WORKER_LISTENER: Final = "pipeloom worker listener"
BUS: Final = "pipeloom bus"
MIGRATION: Final = "pipeloom migration"
OTHER: Final = "pipeloom session"
"""The names of sessions that change no rows of users."""

TOO_MANY_CHANGES: Final = "PL429"
"""The SQLSTATE of `require_pause_between_changes` in schema.sql, with the seconds as detail."""

_DRIVER_ERRORS: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_BAD_VALUES: Final = (asyncpg.DataError, ValueError)
_BAD_CONDITIONS: Final = (
    asyncpg.DataError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.ProgramLimitExceededError,
)
_BAD_ROWS: Final = (asyncpg.CheckViolationError, asyncpg.NotNullViolationError)
_COLLISIONS: Final = (asyncpg.UniqueViolationError, asyncpg.RestrictViolationError)
_TRANSIENT: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_MISSING_TABLES: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedColumnError,
)

# Some of the driver's errors about values are InterfaceErrors as well, which would pass for an
# outage. So these come first; a full disk and a lock are outages of their own.
_MEANINGS: Final[Sequence[tuple[Any, type[StoreError], str]]] = (
    (_BAD_VALUES, InvalidValue, "PostgreSQL cannot store this value: "),
    (asyncpg.DiskFullError, StorageFull, "PostgreSQL cannot store anything, make space: "),
    (asyncpg.LockNotAvailableError, Locked, "others have locked what is needed, try again: "),
    (_TRANSIENT, StoreUnavailable, "PostgreSQL is away, try again: "),
    (_MISSING_TABLES, SchemaOutdated, "run `pipeloom migrate`: "),
    (asyncpg.ForeignKeyViolationError, UnknownSubject, ""),
)


@contextmanager
def driver_errors() -> Iterator[None]:
    """Turn what the driver raises inside into the StoreError that says what to do."""
    try:
        yield
    except _DRIVER_ERRORS as error:
        raise translated(error) from error


@contextmanager
def statements_of_clients() -> Iterator[None]:
    """Turn what clients cause by a condition of theirs into InvalidValue and QueryTooSlow."""
    try:
        with driver_errors():
            yield
    except StoreError as error:
        cause = error.__cause__
        if isinstance(cause, asyncpg.QueryCanceledError):
            raise QueryTooSlow(_text(cause)) from cause
        if isinstance(cause, _BAD_CONDITIONS):
            raise InvalidValue(f"PostgreSQL cannot read this: {_text(cause)}") from cause
        raise


def translated(error: Exception) -> StoreError:
    """The StoreError for an exception of the driver or of the network below it."""
    for kinds, meaning, text in _MEANINGS:
        if isinstance(error, kinds):
            return meaning(f"{text}{_text(error)}")
    return _refusal(error)


def _refusal(error: Exception) -> StoreError:
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return PrivilegeMissing(_text(error))
    if getattr(error, "sqlstate", None) == TOO_MANY_CHANGES:
        return TooManyChanges(int(getattr(error, "detail", 1)))
    if isinstance(error, _COLLISIONS):
        return Conflict(_text(error), error.constraint_name or "")
    if isinstance(error, _BAD_ROWS):
        return InvalidValue(_text(error))
    return StoreError(_text(error))


def as_setting(number: int | None) -> str:
    """A number as the value of a setting of a transaction, which is empty for none."""
    return "" if number is None else str(number)


def _text(error: Exception) -> str:
    detail = getattr(error, "detail", None)
    message = str(error) or type(error).__name__
    return message if detail is None or detail in message else f"{message} ({detail})"


class DatabaseConnection:
    """Runs named queries, those of `sql/queries.sql` unless others are given.

    On a connection, or on any one of a pool. Every method raises a StoreError of
    `persistence/errors.py`, never one of the driver's.
    """

    def __init__(self, driver: Any, queries: NamedQueries = QUERIES) -> None:
        self._driver, self._queries = driver, queries

    def with_queries(self, queries: NamedQueries) -> "DatabaseConnection":
        """Return the same connection, for the named queries of another file."""
        return DatabaseConnection(self._driver, queries)

    async def fetch(self, name: str, *args: object) -> Sequence[Record]:
        """All rows."""
        with driver_errors():
            rows: Sequence[Record] = await self._driver.fetch(self._queries[name], *args)
        return rows

    async def fetchrow(self, name: str, *args: object) -> Record | None:
        """The first row, None if there is none."""
        with driver_errors():
            row: Record | None = await self._driver.fetchrow(self._queries[name], *args)
        return row

    async def fetchval(self, name: str, *args: object) -> Any:
        """The first column of the first row, None if there is none."""
        with driver_errors():
            return await self._driver.fetchval(self._queries[name], *args)

    async def fetch_statement(self, statement: str) -> Sequence[Record]:
        """All rows of a statement that was made up from named queries."""
        with driver_errors():
            rows: Sequence[Record] = await self._driver.fetch(statement)
        return rows

    async def execute(self, name: str, *args: object) -> None:
        """Run a query for its effect."""
        with driver_errors():
            await self._driver.execute(self._queries[name], *args)

    async def run_script(self, script: str) -> None:
        """Run several statements, separated by semicolons, without arguments."""
        with driver_errors():
            await self._driver.execute(script)

    @asynccontextmanager
    async def transaction(
        self, isolation: str | None = None
    ) -> AsyncIterator["DatabaseConnection"]:
        """Commit at the end; undo everything if an exception leaves the block.

        `isolation` is a level in the driver's words, the database's default if None.
        """
        with driver_errors():
            transaction = self._driver.transaction(isolation=isolation)
            await transaction.start()
        try:
            yield self
        except BaseException:
            # A lost connection has rolled back already; the block's exception is the one to report.
            with suppress(*_DRIVER_ERRORS):
                await self._roll_back(transaction)
            raise
        with driver_errors():
            await transaction.commit()

    async def _roll_back(self, transaction: Any) -> None:
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await transaction.rollback()
        except TimeoutError:
            self._driver.terminate()


class Pool(DatabaseConnection):
    """A pool of connections; each query outside a transaction takes any free one."""

    @asynccontextmanager
    async def transaction(self, isolation: str | None = None) -> AsyncIterator[DatabaseConnection]:
        """Take a connection for one transaction: see `DatabaseConnection.transaction`."""
        with driver_errors():
            driver = await self._driver.acquire()
        try:
            async with DatabaseConnection(driver).transaction(isolation) as connection:
                yield connection
        finally:
            with driver_errors():
                await self._driver.release(driver)

    async def close(self) -> None:
        """Wait for the connections in use, then close all."""
        with driver_errors():
            await self._driver.close()


class _DriverPool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg ships no types
    """A pool that gives up a connection on which PostgreSQL does not stop what was cancelled.

    Otherwise whoever waits with a deadline of two seconds waits for `command_timeout` in addition,
    while PostgreSQL hangs.
    """

    async def release(
        self,
        connection: Any,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as the driver has it
    ) -> None:
        """See asyncpg; raises no TimeoutError: the user of the connection has had the outcome."""
        with suppress(TimeoutError):
            await super().release(connection, timeout=timeout or CANCEL_SECONDS)


_OF_ALL_POOLS: Final[Mapping[str, Any]] = {
    "statement_cache_size": 100,
    "max_queries": MAX_QUERIES,
    "max_inactive_connection_lifetime": IDLE_SECONDS,
    "timeout": CONNECT_TIMEOUT,
    "loop": None,
    "connection_class": asyncpg.Connection,
    "record_class": asyncpg.Record,
}


async def open_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    command_timeout: float = 30.0,
    reset: bool = True,
    application_name: str = SERVER,
    session: Mapping[str, str] | None = None,
) -> Pool:
    """Connect `min_size` times; up to `max_size` on demand. `command_timeout` is in seconds.

    PostgreSQL shows `application_name` for each session, in pg_stat_activity and its log. `reset`
    sessions after each use, by a statement of its own, unless nobody ever sets anything that
    outlives a transaction; an open one is rolled back in any case. With settings of a `session`,
    only statements up to NAMED_CHARACTERS are kept prepared. Raises StoreUnavailable: where.
    """
    with _connecting(dsn):
        driver = await _DriverPool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            command_timeout=command_timeout,
            init=_prepare,
            reset=None if reset else _leave_session,
            server_settings={"application_name": application_name, **(session or {})},
            max_cacheable_statement_size=KEPT_CHARACTERS if session is None else NAMED_CHARACTERS,
            **_OF_ALL_POOLS,
        )
    return Pool(driver)


async def connect(dsn: str, application_name: str = OTHER) -> Any:
    """One connection of the driver's own kind, for what a pool cannot do. As `open_pool`."""
    named = {"application_name": application_name}
    with _connecting(dsn):
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT, server_settings=named)


@asynccontextmanager
async def connection(
    dsn: str, application_name: str = COMMAND
) -> AsyncIterator[DatabaseConnection]:
    """One connection without a command timeout, closed at the end."""
    driver = await connect(dsn, application_name)
    try:
        yield DatabaseConnection(driver)
    finally:
        with suppress(*_DRIVER_ERRORS):
            await driver.close()


@contextmanager
def _connecting(dsn: str) -> Iterator[None]:
    """Say of a connection that cannot be had what is wrong, and where; never the password."""
    try:
        yield
    except asyncpg.ClientConfigurationError as error:
        raise InvalidValue(_unreadable(dsn, error)) from error
    except _DRIVER_ERRORS as error:
        raise StoreUnavailable(_refused(error, place_of(dsn))) from error
    except ValueError as error:
        raise InvalidValue(_unreadable(dsn, error)) from error


def _unreadable(dsn: str, error: Exception) -> str:
    # Only this text of the driver's repeats nothing of the URL, and so no password.
    if str(error).startswith("`sslmode` parameter must be one of"):
        return f"the database URL cannot be read: {error}"
    return _NOT_A_URL.format(urlsplit(dsn).scheme)


_NOT_A_URL: Final = (
    "the database URL cannot be read: expected postgresql://user:password@host:port/database, "
    "with special characters of the password percent-encoded, got an address of {!r}"
)


def _refused(error: Exception, place: str) -> str:
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():
            return f"PostgreSQL at {place} refuses the user of the database URL: {_text(error)}"
        case asyncpg.InvalidCatalogNameError():
            return f"PostgreSQL at {place} has no such database: create it first ({_text(error)})"
        case asyncpg.InsufficientPrivilegeError():
            return f"PostgreSQL at {place} does not let this user connect: {_text(error)}"
        case asyncpg.DiskFullError():
            return f"PostgreSQL at {place} cannot start a session, make space: {_text(error)}"
        case asyncpg.TooManyConnectionsError():
            return (
                f"PostgreSQL at {place} has no connection left ({_text(error)}): lower the pools "
                "(PIPELOOM_POOL_LOG, PIPELOOM_POOL_API, PIPELOOM_POOL_WORKER), or raise "
                "max_connections of PostgreSQL"
            )
        case _:
            return (
                f"cannot connect to PostgreSQL at {place}: is it running, and is the database "
                f"URL right? ({_text(error)})"
            )


def place_of(dsn: str) -> str:
    """The DSN without user, password and options, which have no place in a log."""
    parts = urlsplit(dsn)
    # A password that is not encoded may have a slash in it, and so end what looks like the host.
    bare = dsn.rpartition("@")[2] if "@" in dsn else parts.netloc + parts.path
    where = bare.partition("?")[0]
    socket = parse_qs(parts.query).get("host", [""])[0]
    return f"{parts.scheme}://{where}" + (f"?host={socket}" if socket else "")


async def _leave_session(_driver: Any) -> None:
    """Do not reset a session: that would cost a round trip after every query."""


async def _prepare(driver: Any) -> None:
    await driver.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_json, decoder=json.loads
    )


def _encode_json(value: object) -> str:
    return value if isinstance(value, JsonText) else JsonText.of(value)
