"""Frames that no client should send: each ends its own connection, and nobody else's."""

import random
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import AwarenessUpdate, SyncStep1, SyncStep2, Update
from crdt.protocol.y_websocket import encode
from crdt.updates.format import EMPTY_UPDATE
from tests.app.bystander import assert_log_decodable, undisturbed
from tests.crdt.raw_updates import OF_V2
from tests.editor import joined, visiting
from tests.rounds import SEED, rounds
from tests.server import Installation, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

MUTATIONS = rounds(300, few=40)
DEEPEST = 500
"""Levels of nesting that the server takes."""

ANY_ARRAY, ANY_NULL = 117, 126
CONTENT_ANY_WITH_KEY = 0x28


def valid_update() -> bytes:
    doc: Doc[Any] = Doc(client_id=77)
    steps: Map[Any] = doc.get("steps", type=Map)
    steps["intruder"] = Map({"name": "intruder", "type": "claude"})
    return doc.get_update()


def nested_update(depth: int) -> bytes:
    """One note whose value is `depth` arrays in each other (Yjs update format v1)."""
    one_struct_of_client_88 = bytes((1, 1, 88, 0))
    parent = bytes((CONTENT_ANY_WITH_KEY, 1)) + var_string("notes") + var_string(f"nested {depth}")
    value = bytes((ANY_ARRAY, 1)) * depth + bytes((ANY_NULL,))
    nothing_deleted = b"\x00"
    return one_struct_of_client_88 + parent + b"\x01" + value + nothing_deleted


UPDATE = encode(Update(valid_update()))
VIOLATIONS: dict[str, bytes | str] = {
    "empty": b"",
    "garbage": b"\xff" * 50,
    "text": "hello",
    "empty text": "",
    "an update as text": UPDATE.decode("latin-1"),
    "cut in its header": UPDATE[:1],
    "cut in its length": UPDATE[:2],
    "cut in its update": UPDATE[:-3],
    "two messages in one frame": UPDATE + UPDATE,
    "a length beyond 64 bits": b"\x00\x02" + b"\xff" * 12,
    "an unknown type": b"\x07\x00",
    "a type of servers": b"\x02\x00\x02no",
    "an unknown sync step": b"\x00\x03\x00",
    "an update of rubbish": encode(Update(b"rubbish")),
    "an empty update": encode(Update(b"")),
    "an update cut short": encode(Update(valid_update()[:-4])),
    "bytes behind an update": encode(Update(valid_update() + b"tail")),
    "bytes behind an empty update": encode(SyncStep2(EMPTY_UPDATE + b"tail")),
    "an update of format V2": encode(Update(OF_V2)),
    "an answer of format V2": encode(SyncStep2(OF_V2)),
    "an answer of rubbish": encode(SyncStep2(b"\x01\x02\x03")),
    "a state vector of rubbish": encode(SyncStep1(b"\x05\x01")),
    "an update of more structs than it has": encode(Update(var_uint(2**40) + b"\x01")),
    "a value nested too deep": encode(Update(nested_update(DEEPEST + 1))),
    "a value nested far too deep": encode(Update(nested_update(200_000))),
    "presence of rubbish": encode(AwarenessUpdate(b"\x05rubbish")),
    "presence that is not JSON": encode(AwarenessUpdate(b"\x01\x01\x01" + var_string("{"))),
    "presence of a billion clients": encode(AwarenessUpdate(var_uint(10**9))),
}


@pytest.mark.parametrize("frame", VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_a_violation_ends_only_its_own_connection(
    room: str, shared_installation: Installation, frame: bytes | str
) -> None:
    async with undisturbed(room), joined(room) as offender:
        await offender.send_frame(frame)
        code, reason = await offender.close_code()
        assert code == 4400
        assert reason
    await assert_log_decodable(shared_installation)


async def test_a_violation_in_the_first_frame_is_one_as_well(room: str) -> None:
    async with undisturbed(room), visiting(room) as offender:
        await offender.send_frame("hello")
        assert (await offender.close_code())[0] == 4400


async def test_an_update_too_big_is_refused_by_its_size(room: str) -> None:
    async with undisturbed(room), joined(room) as offender:
        await offender.send(Update(bytes(10 * 1024 * 1024)))
        assert (await offender.close_code())[0] == 4413


async def test_a_large_update_below_the_limit_is_taken(
    shared_server: Server, shared_installation: Installation, owner_token: str
) -> None:
    room = shared_server.room(await another_pipeline(shared_installation), owner_token)
    async with joined(room) as editor:
        await editor.edit(lambda _: editor.notes.update({"big": "x" * (4 * 1024 * 1024)}))
        await editor.until_echoed()


async def test_nesting_within_bounds_is_taken(
    shared_server: Server, shared_installation: Installation, owner_token: str
) -> None:
    room = shared_server.room(await another_pipeline(shared_installation), owner_token)
    update = nested_update(DEEPEST)
    async with joined(room) as editor:
        editor.unechoed.append(update)
        await editor.send(Update(update))
        await editor.until_echoed()
        assert f"nested {DEEPEST}" in editor.notes


async def test_mutilated_updates_never_end_the_server(
    room: str, shared_server: Server, shared_installation: Installation, owner_token: str
) -> None:
    """Some mutilations are updates again, of a kind nobody meant: another pipeline takes those."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    other_room = shared_server.room(await another_pipeline(shared_installation), owner_token)
    update = valid_update()
    async with undisturbed(room):
        for _ in range(MUTATIONS):
            async with visiting(other_room) as offender:
                await offender.send(Update(mutilate(update, rng)))
                await offender.send_frame("the end")
                code, _ = await offender.close_code()
                assert code in (4400, 1013)
    await assert_log_decodable(shared_installation)


def mutilate(update: bytes, rng: random.Random) -> bytes:
    mutilated = bytearray(update)
    for _ in range(rng.randint(1, 3)):
        mutilated[rng.randrange(len(update))] = rng.randrange(256)
    return bytes(mutilated)


async def another_pipeline(installation: Installation) -> str:
    """A pipeline whose content no other test looks at."""
    file = installation.data_dir.with_name("another.yaml")
    file.write_text("workflow:\n  name: another\n  steps: []\n")
    return await installation.result("import", str(file))
