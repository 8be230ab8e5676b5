"""The table of who is where follows the rooms, forgets who is gone, and survives outages."""

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import pytest
from structlog.testing import capture_logs

import app.services.presence_table
from app.services.presence_table import (
    MAX_SELECTED,
    RENEW_SECONDS,
    REPEAT_SECONDS,
    SWEEP_SECONDS,
    PresenceMirror,
    presence_state,
)
from persistence.errors import StoreUnavailable
from persistence.ports.presence import PresenceKey, PresenceState
from persistence.postgres.pool import Pool
from persistence.postgres.presence import PostgresPresence
from tests.app.fakes import HeldClock
from tests.contracts.stores import Stores, an_id, stores_on


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


class RecordedTable(PostgresPresence):
    """The table, with a note of each statement; it may be away."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.statements: list[tuple[str, int]] = []
        self.failure: Exception | None = None

    async def write(
        self,
        changed: Mapping[PresenceKey, PresenceState],
        unchanged: Mapping[PresenceKey, PresenceState],
    ) -> datetime:
        self._note("show", len(changed) + len(unchanged))
        return await super().write(changed, unchanged)

    async def remove(self, gone: Mapping[PresenceKey, datetime]) -> None:
        self._note("remove", len(gone))
        await super().remove(gone)

    async def expire(self) -> None:
        self._note("sweep", 0)
        await super().expire()

    def _note(self, verb: str, rows: int) -> None:
        if self.failure is not None:
            raise self.failure
        self.statements.append((verb, rows))


class Node:
    """A server process: who is in its rooms, and its mirror."""

    def __init__(self, pool: Pool) -> None:
        self.table_writes, self.here, self.clock = (
            RecordedTable(pool),
            dict[PresenceKey, str](),
            HeldClock(),
        )
        self.mirror = PresenceMirror(self.table_writes, lambda: self.here, self.clock)

    async def look(self, seconds: float = 1.0) -> list[tuple[str, int]]:
        """Mirror after some time; return the statements that took."""
        self.clock.seconds += seconds
        self.table_writes.statements.clear()
        await self.mirror.mirror()
        return self.table_writes.statements


class Table:
    """What a reader finds."""

    def __init__(self, pool: Pool, stores: Stores) -> None:
        self.pool, self.stores = pool, stores

    async def rows(self) -> dict[PresenceKey, tuple[float | None, float | None, list[UUID], str]]:
        async with self.pool.transaction() as connection:
            found = await connection._driver.fetch("SELECT * FROM presence")
        return {
            (row["pipeline_id"], row["user_id"]): (
                row["cursor_x"],
                row["cursor_y"],
                row["selected_step_ids"],
                row["status"],
            )
            for row in found
        }

    async def age(self, seconds: int) -> None:
        async with self.pool.transaction() as connection:
            await connection.run_script(
                f"UPDATE presence SET last_seen = last_seen - interval '{seconds} seconds'"
            )


@pytest.fixture
async def table(pool: Pool) -> Table:
    stores = stores_on(pool)
    await stores.prepare()
    return Table(pool, stores)


@pytest.fixture
async def key(table: Table) -> PresenceKey:
    return await table.stores.new_pipeline(), table.stores.author.id


@pytest.fixture
def node(pool: Pool) -> Node:
    return Node(pool)


def state_of(**state: object) -> str:
    return json.dumps({"user": {"id": "x"}, **state})


async def test_all_rooms_are_shown_by_one_statement(
    table: Table, node: Node, key: PresenceKey
) -> None:
    pipeline, ada = key
    other = await table.stores.new_pipeline(2)
    bob = (await table.stores.directory.create_user("bob@example.org", "Bob")).id
    step = str(an_id(5))
    node.here = {
        key: state_of(cursor={"x": 1, "y": 2.5}, selection=[step, "no id"], status="busy"),
        (other, ada): "null",
        (other, bob): state_of(),
    }
    assert await node.look() == [("show", 3), ("sweep", 0)]
    assert await table.rows() == {
        (pipeline, ada): (1.0, 2.5, [an_id(5)], "busy"),
        (other, ada): (None, None, [], "active"),
        (other, bob): (None, None, [], "active"),
    }


async def test_only_changes_are_written_until_it_is_time_to_renew(
    node: Node, key: PresenceKey
) -> None:
    node.here = {key: state_of(status="busy")}
    await node.look()
    assert await node.look() == []
    node.here = {key: state_of(status="away")}
    assert await node.look() == [("show", 1)]
    assert await node.look(RENEW_SECONDS - 0.5) == []
    assert await node.look() == [("show", 1)]


async def test_who_leaves_is_removed(table: Table, node: Node, key: PresenceKey) -> None:
    node.here = {key: state_of()}
    await node.look()
    node.here = {}
    assert await node.look() == [("remove", 1)]
    assert await table.rows() == {}
    assert await node.look() == []


async def test_the_closing_node_takes_everybody_out(
    table: Table, node: Node, key: PresenceKey
) -> None:
    node.here = {key: state_of()}
    await node.look()
    node.here = {}
    await node.mirror.close(10)
    assert await table.rows() == {}
    node.table_writes.failure = StoreUnavailable("away")
    await node.mirror.close(10)


async def test_another_node_keeps_who_is_still_there(
    table: Table, pool: Pool, key: PresenceKey
) -> None:
    one, other = Node(pool), Node(pool)
    one.here, other.here = {key: state_of(status="here")}, {key: state_of(status="there")}
    await one.look()
    await other.look()
    assert (await table.rows())[key][-1] == "there"
    await one.look(RENEW_SECONDS)
    assert (await table.rows())[key][-1] == "there"
    await other.look(RENEW_SECONDS)
    one.here = {}
    await one.look()
    assert (await table.rows())[key][-1] == "there"
    other.here = {}
    await other.look()
    assert await table.rows() == {}


async def test_what_dead_nodes_left_is_swept(table: Table, pool: Pool, key: PresenceKey) -> None:
    dead = Node(pool)
    dead.here = {key: state_of()}
    await dead.look()
    await Node(pool).look()
    assert await table.rows() != {}
    await table.age(31)
    alive = Node(pool)
    await alive.look()
    assert await table.rows() == {}
    assert await alive.look(SWEEP_SECONDS) == [("sweep", 0)]


async def test_an_emptied_table_fills_again(table: Table, node: Node, key: PresenceKey) -> None:
    node.here = {key: state_of(status="busy")}
    await node.look()
    async with table.pool.transaction() as connection:
        await connection.run_script("TRUNCATE presence")
    await node.look(RENEW_SECONDS)
    assert (await table.rows())[key][-1] == "busy"


async def test_whoever_is_no_more_stops_nobody_else(
    table: Table, node: Node, key: PresenceKey
) -> None:
    pipeline, ada = key
    node.here = {
        (pipeline, an_id(404)): state_of(),
        (an_id(404), ada): state_of(),
        key: state_of(),
    }
    await node.look()
    assert set(await table.rows()) == {key}


async def test_an_outage_costs_only_freshness(table: Table, node: Node, key: PresenceKey) -> None:
    _, ada = key
    other = await table.stores.new_pipeline(2)
    node.here = {key: state_of(status="before")}
    await node.look()
    node.table_writes.failure = StoreUnavailable("away")
    with capture_logs() as logs:
        node.here = {(other, ada): state_of(status="during")}
        for _ in range(3):
            await node.mirror.try_once()
        node.table_writes.failure = None
        await node.mirror.try_once()
    assert [entry["event"] for entry in logs] == ["presence.not_written"]
    assert {key: row[-1] for key, row in (await table.rows()).items()} == {(other, ada): "during"}


async def failures_logged(node: Node, *failures: Exception | None) -> list[tuple[str, bool]]:
    """What is logged of failures that come a second apart: the error, and whether a traceback."""
    with capture_logs() as logs:
        for failure in failures:
            node.table_writes.failure = failure
            node.clock.seconds += 1
            await node.mirror.try_once()
    assert {entry["event"] for entry in logs} <= {"presence.not_written"}
    return [(entry["error"], entry["exc_info"] is not None) for entry in logs]


async def test_each_failure_of_an_outage_is_logged_once(node: Node, key: PresenceKey) -> None:
    node.here = {key: state_of()}
    away, refused = StoreUnavailable("away"), StoreUnavailable("not allowed")
    outage = [away, away, refused, away, refused]
    assert await failures_logged(node, *outage) == [("away", False), ("not allowed", False)]
    # The table has been written: another outage.
    node.here = {}
    assert await failures_logged(node, None) == []
    node.here = {key: state_of()}
    assert await failures_logged(node, *outage) == [("away", False), ("not allowed", False)]


async def test_a_bug_during_an_outage_is_logged_with_its_traceback(
    node: Node, key: PresenceKey
) -> None:
    node.here = {key: state_of()}
    failures = [StoreUnavailable("away"), KeyError("bug"), ValueError("another"), KeyError("bug")]
    assert await failures_logged(node, *failures) == [
        ("away", False),
        ("'bug'", True),
        ("another", True),
    ]
    # Again after a minute, unlike an outage.
    node.clock.seconds += REPEAT_SECONDS
    assert await failures_logged(node, *failures[:2]) == [("'bug'", True)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("null", PresenceState()),
        ("[]", PresenceState()),
        ("[" * 100_000, PresenceState()),
        (state_of(cursor=1, selection="all", status={}), PresenceState()),
        (state_of(cursor={"x": "1", "y": 2}, selection=[1, {}, None], status=""), PresenceState()),
        (state_of(cursor={"x": 1, "y": 10**400}), PresenceState()),
        ('{"cursor": {"x": 1e999, "y": 1}}', PresenceState()),
        (state_of(status="\ud800\0é" + "x" * 99), PresenceState(status="\ufffd\ufffdé" + "x" * 47)),
    ],
)
def test_whatever_a_client_writes_can_be_shown(state: str, expected: PresenceState) -> None:
    found = presence_state(state)
    assert (found.cursor, list(found.selection), found.status) == (None, [], expected.status)


@pytest.mark.parametrize(
    "status",
    [
        "編集中\u3000確認",
        "déjà\u00a0vu",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "a\u2028b",
        "\ue000",
    ],
)
def test_a_status_is_shown_as_it_was_written(status: str) -> None:
    assert presence_state(state_of(status=status)).status == status


@pytest.mark.parametrize("control", ["\0", "\n", "\x1b", "\x7f", "\x85", "\ud83d"])
def test_no_control_character_of_a_status_is_shown(control: str) -> None:
    assert presence_state(state_of(status=f"a{control}b")).status == "a\ufffdb"


def test_of_a_large_selection_the_first_are_shown_once() -> None:
    ids = [str(an_id(number)) for number in (1, 1, *range(1, 1000))]
    found = list(presence_state(state_of(selection=ids)).selection)
    assert found == [an_id(number) for number in range(1, MAX_SELECTED - 1)]


def test_renewals_come_well_before_the_sweep() -> None:
    assert (
        2 * app.services.presence_table.RENEW_SECONDS + app.services.presence_table.TICK_SECONDS
        < SWEEP_SECONDS
    )
