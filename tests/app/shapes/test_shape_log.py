"""What becomes of a shape's rows: operations, offsets, and the transactions that they name."""

import random
from itertools import pairwise

import pytest

from app.shapes.changes import Region
from app.shapes.parameters import Offset
from app.shapes.shape_log import SLICE, LogLimits
from persistence.ports.shapes import StoredRow
from tests.app.shapes.shapes import (
    ONE,
    TWO,
    a_definition,
    a_log,
    a_position,
    a_row,
    an_id,
    run,
    said,
)
from tests.rounds import some

TEAM = an_id(9)
PIPELINES = a_definition("pipelines", "id team_id name description")


def region(*ids: str, xids: tuple[int, ...] = (7,)) -> Region:
    return Region(frozenset(ids), None, xids=frozenset(xids))


EVERYTHING = Region(is_all=True)


def of_team(xid: int, id_: str, name: str, description: str | None = None) -> StoredRow:
    return a_row(xid, id_, TEAM, name, description)


def test_a_new_shape_is_where_the_log_of_the_database_ends() -> None:
    log = a_log(PIPELINES, [of_team(5, ONE, "a")])
    assert log.offset == Offset(1000, 0)
    assert log.since(log.offset) == []


def test_rows_that_come_change_and_go_are_operations() -> None:
    log = a_log(PIPELINES, [of_team(5, ONE, "a"), of_team(5, TWO, "b", "text")])
    before = log.offset
    three = an_id(3)
    rows = [of_team(8, TWO, "B", None), of_team(9, three, "c")]
    run(log.refresh(region(ONE, TWO, three), rows, a_position(2000), is_certain=True))
    update, insert, delete = said(log.since(before))
    assert update["key"] == f'"public"."pipelines"/"{TWO}"'
    # The key, and what has changed; NULL is null.
    assert update["value"] == {"id": TWO, "name": "B", "description": None}
    assert "old_value" not in update
    assert insert["value"] == {"id": three, "team_id": TEAM, "name": "c", "description": None}
    assert delete["value"] == {"id": ONE}
    assert [m["headers"]["operation"] for m in (update, insert, delete)] == [
        "update", "insert", "delete",
    ]  # fmt: skip
    assert update["headers"]["relation"] == ["public", "pipelines"]


def test_with_all_columns_an_update_and_a_deletion_have_the_whole_row() -> None:
    definition = a_definition("pipelines", "id name description", replica="full")
    log = a_log(definition, [a_row(5, ONE, "a", "x", TEAM), a_row(5, TWO, "b", "x", TEAM)])
    rows = [a_row(8, ONE, "A", "x", TEAM)]
    run(log.refresh(region(ONE, TWO), rows, a_position(2000), is_certain=True))
    update, delete = said(log.since(Offset(1000, 0)))
    assert update["value"] == {"id": ONE, "name": "A", "description": "x"}
    assert update["old_value"] == {"name": "a"}
    assert delete["value"] == {"id": TWO, "name": "b", "description": "x"}


def test_an_operation_names_who_wrote_the_row_and_the_last_one_everybody() -> None:
    """A deletion has no row that could name its transaction; clients would wait in vain."""
    log = a_log(PIPELINES, [of_team(5, ONE, "a"), of_team(5, TWO, "b")])
    changed = region(ONE, TWO, an_id(3), xids=(20, 21))
    rows = [of_team(22, ONE, "A"), of_team(20, an_id(3), "c")]
    run(log.refresh(changed, rows, a_position(2000), is_certain=True))
    update, insert, delete = said(log.since(Offset(1000, 0)))
    assert update["headers"]["txids"] == [22]
    assert insert["headers"]["txids"] == [20]
    assert delete["headers"]["txids"] == [20, 21]
    # 21 has changed a row before 22 did, and would be named nowhere.
    run(log.refresh(region(ONE, xids=(23, 24)), [of_team(24, ONE, "!")], a_position(3000),
                    is_certain=True))  # fmt: skip
    [last] = said(log.since(Offset(2000, 0)))
    assert last["headers"]["txids"] == [23, 24]


def test_the_last_operation_is_at_the_offset_that_clients_are_given() -> None:
    """The header has `L_0`, and clients of events make `L_0` of `up-to-date` at `L`."""
    log = a_log(PIPELINES)
    rows = [of_team(8, ONE, "a"), of_team(8, TWO, "b")]
    run(log.refresh(region(ONE, TWO), rows, a_position(2000), is_certain=True))
    first, last = (message["headers"] for message in said(log.since(Offset(1000, 0))))
    assert (first["lsn"], first["op_position"], first.get("last")) == ("1999", 0, None)
    assert (last["lsn"], last["op_position"], last["last"]) == ("2000", 0, True)
    assert log.offset == Offset(2000, 0)
    assert log.since(Offset(2000, 0)) == []


def test_offsets_grow_though_the_log_of_the_database_has_not() -> None:
    log = a_log(PIPELINES)
    for number in range(3):
        row = of_team(number, ONE, f"{number}")
        run(log.refresh(region(ONE), [row], a_position(1000), is_certain=True))
    assert log.offset == Offset(1006, 0)
    assert [m["headers"]["lsn"] for m in said(log.since(Offset(1000, 0)))] == [
        "1002", "1004", "1006",
    ]  # fmt: skip


def test_a_change_that_leaves_nothing_behind_is_said_all_the_same() -> None:
    """Else who wrote it waits in vain: inserted and deleted again, or columns nobody asked for."""
    log = a_log(PIPELINES, [of_team(5, ONE, "a")])
    run(log.refresh(region(ONE), [of_team(8, ONE, "a")], a_position(2000), is_certain=False))
    [message] = said(log.since(Offset(1000, 0)))
    assert message == {
        "headers": {"control": "snapshot-end", "xmin": "100", "xmax": "101", "xip_list": []}
    }
    assert log.offset == Offset(2000, 0)
    run(log.refresh(region(TWO), [], a_position(3000), is_certain=True))
    assert len(said(log.since(Offset(2000, 0)))) == 1


def test_what_may_be_nobody_s_business_is_not_said() -> None:
    log = a_log(PIPELINES, [of_team(5, ONE, "a")])
    run(log.refresh(region(TWO), [], a_position(2000), is_certain=False))
    assert log.offset == Offset(1000, 0)
    assert log.position == a_position(2000)


def test_after_reading_everything_clients_know_what_they_have_seen() -> None:
    log = a_log(PIPELINES, [of_team(5, ONE, "a")])
    run(log.refresh(EVERYTHING, [of_team(6, TWO, "b")], a_position(2000), is_certain=False))
    insert, delete, end = said(log.since(Offset(1000, 0)))
    assert [insert["headers"]["lsn"], delete["headers"]["lsn"]] == ["1999", "1999"]
    assert end["headers"]["control"] == "snapshot-end"
    assert [*log.rows] == [TWO]


def test_only_rows_of_the_region_are_gone() -> None:
    steps = a_definition("steps", "id pipeline_id name")
    here, there = an_id(10), an_id(11)
    rows = [a_row(5, ONE, here, "a"), a_row(5, ONE, there, "b"), a_row(5, TWO, here, "c")]
    log = a_log(steps, rows)
    changed = Region(frozenset({ONE}), frozenset({here}), xids=frozenset({7}))
    run(log.refresh(changed, [], a_position(2000), is_certain=True))
    assert set(log.rows) == {(there, ONE), (here, TWO)}
    run(log.refresh(Region(wholes=frozenset({here})), [], a_position(3000), is_certain=True))
    assert set(log.rows) == {(there, ONE)}


def test_a_row_whose_owner_nobody_asked_for_goes_with_it() -> None:
    comments = a_definition("comments", "id content")
    here, there = an_id(10), an_id(11)
    log = a_log(comments, [a_row(5, ONE, "a", here), a_row(5, TWO, "b", there)])
    assert log.read_columns == ("id", "content", "pipeline_id")
    run(log.refresh(Region(wholes=frozenset({there})), [], a_position(2000), is_certain=True))
    [delete] = said(log.since(Offset(1000, 0)))
    assert delete["value"] == {"id": TWO}
    # It moved within the shape: nothing that was asked for has changed.
    moved = Region(frozenset({ONE}), frozenset({here, there}), xids=frozenset({8}))
    run(log.refresh(moved, [a_row(8, ONE, "a", there)], a_position(3000), is_certain=False))
    [end] = said(log.since(Offset(2000, 0)))
    assert end["headers"]["control"] == "snapshot-end"


@pytest.mark.parametrize("limits", [LogLimits(operations=10), LogLimits(bytes=3000)])
def test_who_has_missed_more_than_is_kept_begins_anew(limits: LogLimits) -> None:
    log = a_log(PIPELINES, limits=limits)
    offsets = [log.offset]
    for number in range(40):
        rows = [of_team(number, ONE, f"{number}"), of_team(number, TWO, f"{number}")]
        run(log.refresh(region(ONE, TWO), rows, a_position(2000), is_certain=True))
        offsets.append(log.offset)
        assert log.operations <= 10 or limits.operations > 10
    assert log.since(offsets[0]) is None
    kept = [offset for offset in offsets if log.since(offset) is not None]
    assert kept == offsets[-len(kept) :]
    assert 1 < len(kept) < 20
    for older, newer in pairwise(kept):
        missed, rest = log.since(older), log.since(newer)
        assert len(said(missed)) == len(said(rest)) + 2


def test_what_is_left_is_counted_in_bytes() -> None:
    log = a_log(PIPELINES, [of_team(5, an_id(n), "a" * 100) for n in range(50)])
    full = log.bytes
    assert full > 50 * 100
    run(log.refresh(EVERYTHING, [], a_position(2000), is_certain=True))
    log_alone = log.bytes
    assert 0 < log_alone < full + 50 * 400
    empty = a_log(PIPELINES, limits=LogLimits(operations=0))
    run(empty.refresh(EVERYTHING, [of_team(5, ONE, "a")], a_position(2000), is_certain=True))
    run(empty.refresh(EVERYTHING, [], a_position(3000), is_certain=True))
    assert empty.bytes == 0


def test_a_large_refresh_pauses_and_shows_nothing_before_its_end() -> None:
    log = a_log(PIPELINES, [of_team(5, an_id(n), "a") for n in range(1000)])
    steps = log.refresh(
        EVERYTHING, [of_team(6, an_id(n), "b") for n in range(500, 1500)], a_position(2000),
        is_certain=True,
    )  # fmt: skip
    pauses = 0
    for _ in steps:
        pauses += 1
        assert log.offset == Offset(1000, 0)
        assert log.since(Offset(1000, 0)) == []
        assert log.rows[an_id(500)][2] == "a"
    assert pauses >= 3500 // SLICE - 3
    assert len(log.rows) == 1000
    assert len(said(log.since(Offset(1000, 0)))) == 1501


@pytest.mark.parametrize("seed", some(range(300), 12))
def test_whoever_applies_what_came_has_the_rows(seed: int) -> None:
    """Random tables, read in random regions: the messages lead from any offset to the rows."""
    chance = random.Random(seed)
    steps = a_definition("steps", "id pipeline_id name")
    table = {(chance.randrange(3), chance.randrange(9)): 0 for _ in range(12)}

    def rows(within: Region) -> list[StoredRow]:
        found = [(an_id(owner), an_id(number), f"{version}", version)
                 for (owner, number), version in table.items()]  # fmt: skip
        return [a_row(x, id_, own, name) for own, id_, name, x in found if within.has(id_, own)]

    log = a_log(steps, rows(EVERYTHING))
    copies = [(log.offset, {key: values[2] for key, values in log.rows.items()})]
    for version in range(1, 20):
        keys = [(chance.randrange(3), chance.randrange(9)) for _ in range(chance.randint(1, 4))]
        for key in keys:
            if chance.random() < 0.4:
                table.pop(key, None)
            else:
                table[key] = version
        ids, owners = ({an_id(key[place]) for key in keys} for place in (1, 0))
        changed = chance.choice(
            [
                Region(frozenset(ids), frozenset(owners)),
                Region(wholes=frozenset(owners)),
                EVERYTHING,
            ]
        )
        run(log.refresh(changed, rows(changed), a_position(version * 50), is_certain=True))
        for offset, copy in copies:
            assert replayed(copy, said(log.since(offset))) == {
                (an_id(owner), an_id(number)): f"{v}" for (owner, number), v in table.items()
            }
        copies.append((log.offset, {key: values[2] for key, values in log.rows.items()}))


def replayed(copy: dict, messages: list) -> dict:
    rows = dict(copy)
    for message in messages:
        if "operation" in message["headers"]:
            value = message["value"]
            key = value["pipeline_id"], value["id"]
            if message["headers"]["operation"] == "delete":
                del rows[key]
            else:
                assert (key in rows) == (message["headers"]["operation"] == "update")
                rows[key] = value["name"]
    return rows
