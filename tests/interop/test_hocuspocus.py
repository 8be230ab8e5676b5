"""Stock Hocuspocus providers of three major versions at `/collab`.

The numbers are those of the behaviours by which providers are accepted (Hocuspocus tests/provider,
tests/server); number 20, what they see across nodes, is in `test_across_nodes.py`. A test runs over
all versions and all arrangements of servers unless it says why not.
"""

import asyncio
import json
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.interop.providers import LIVE, VERSIONS, Socket
from tests.interop.servers import ONE_NODE
from tests.interop.site import MAX_DOCUMENTS, UNCOMMITTED, Site
from tests.interop.stock import stock_client
from tests.server import PATIENCE, Installation, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

on_one_node = pytest.mark.parametrize("running", [ONE_NODE], ids=str, indirect=True)

TOO_LARGE = 8_400_000
"""More bytes than a message may have."""

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass"
SERVERS_WAITING = f"""
    {WAITING} AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'pipeloom')
"""


@pytest.fixture(params=LIVE, ids=lambda version: f"v{version}")
def live_version(request: pytest.FixtureRequest) -> str:
    """Each version that knows of tokens that expire."""
    return str(request.param)


async def test_01_synced_when_the_document_is_there_however_slow_its_loading(
    site: Site, document: str, version: str
) -> None:
    writer = await site.open("4", document, site.owner)
    await writer.until_saved()
    await writer.put("first", {"x": 1})
    await writer.until_saved()
    other = await site.new_pipeline()
    async with site.locked("LOCK TABLE pipeline_updates IN ACCESS EXCLUSIVE MODE"):
        late = await site.open(version, other, site.owner)
        await site.until_waiting(WAITING, "pipeline_updates")
        status = await late.until(scopes=["read-write"])
        assert not status["synced"]
    await late.until_saved()
    reader = await site.open(version, document, site.owner)
    assert (await reader.until_saved())["notes"] == {"first": {"x": 1}}


async def test_01_synced_however_slow_the_look_at_the_token(
    site: Site, document: str, version: str
) -> None:
    async with site.locked("LOCK TABLE team_members IN ACCESS EXCLUSIVE MODE"):
        late = await site.open(version, document, site.owner)
        await site.until_waiting(WAITING, "team_members")
        status = await late.until(sent={"token": 1, "step_1": 1})
        assert (status["received"], status["synced"]) == ({}, False)
    await late.until_saved()


async def test_02_a_change_is_unsynced_until_it_is_committed(
    site: Site, document: str, version: str
) -> None:
    editor = await site.open(version, document, site.owner)
    assert (await editor.until_saved())["received"]["accepted"] == 1
    async with site.uncommitted(document):
        await editor.put("held", 1)
        await site.until_waiting(UNCOMMITTED)
        # A question of the client is answered at once.
        await editor.tell("end")
        status = await editor.until(heard=["end"])
        assert (status["unsynced"], status["received"]["accepted"]) == (1, 1)
    assert (await editor.until_saved())["received"]["accepted"] == 2


@on_one_node
async def test_02_others_see_a_change_before_it_is_committed(
    site: Site, document: str, version: str
) -> None:
    """On its node only: to the others it is told by its commit, see `test_across_nodes.py`."""
    editor = await site.open(version, document, site.owner)
    witness = await site.open("4", document, site.owner)
    await asyncio.gather(editor.until_saved(), witness.until_saved())
    async with site.uncommitted(document):
        await editor.put("held", 1)
        await witness.await_notes(["held"])
        await site.until_waiting(UNCOMMITTED)
    await editor.until_saved()


async def test_02_each_update_is_acknowledged_exactly_once(
    site: Site, document: str, version: str
) -> None:
    editor = await site.open(version, document, site.owner)
    await editor.until_saved()
    for number in range(20):
        await editor.put(f"step {number}", number)
    await editor.until(unsynced=0, sent={"update": 20})
    # A question of the client is answered after everything before it.
    await editor.tell("end")
    status = await editor.until(heard=["end"])
    assert status["received"]["accepted"] == status["sent"]["update"] + status["sent"]["step_2"]
    assert status["received"].get("update", 0) == 0


async def test_03_a_viewer_who_changes_nothing_is_acknowledged(
    site: Site, document: str, version: str
) -> None:
    viewer = await site.open(version, document, site.viewer)
    status = await viewer.until_saved()
    assert status["received"]["accepted"] == 1


@pytest.mark.parametrize("change", ["put", "remove"])
async def test_03_a_viewer_who_changes_something_is_never_acknowledged(
    site: Site, document: str, version: str, change: str
) -> None:
    editor = await site.open("4", document, site.owner)
    await editor.until_saved()
    await editor.put("first", 1)
    await editor.until_saved()
    viewer = await site.open(version, document, site.viewer)
    await viewer.until_saved()
    await (viewer.put("second", 2) if change == "put" else viewer.remove("first"))
    status = await viewer.until(received={"refused": 1}, unsynced=1)
    assert status["received"]["accepted"] == 1
    await editor.put("end", 1)
    late = await site.open("4", document, site.owner)
    assert (await late.until(notes={"end": 1}))["notes"] == {"first": 1, "end": 1}


async def test_03_what_a_viewer_changed_offline_is_never_acknowledged(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    viewer = await socket.provide(document, site.viewer.token())
    await viewer.until_saved()
    await socket.disconnect()
    await viewer.until(synced=False)
    await viewer.put("offline", 1)
    await socket.connect()
    # It sends what it wrote twice: as it wrote it, and in answer to the server's question.
    await viewer.until(synced=True, unsynced=1, received={"refused": 2, "step_2": 2})
    editor, late = [await site.open("4", document, site.owner) for _ in range(2)]
    await editor.put("end", 1)
    assert (await late.until(notes={"end": 1}))["notes"] == {"end": 1}


async def test_04_a_viewer_s_change_stays_unsynced_when_others_edit(
    site: Site, document: str, version: str
) -> None:
    editor = await site.open("3", document, site.owner)
    viewer = await site.open(version, document, site.viewer)
    await asyncio.gather(editor.until_saved(), viewer.until_saved())
    await viewer.put("forbidden", 1)
    await viewer.until(received={"refused": 1})
    await editor.put("allowed", 1)
    await editor.until_saved()
    await viewer.await_notes(["allowed"])
    assert (await viewer.status())["unsynced"] == 1


async def test_05_the_scope_is_told_by_its_name(site: Site, document: str, version: str) -> None:
    writer = await site.open(version, document, site.owner)
    reader = await site.open(version, document, site.viewer)
    assert (await writer.until_saved())["scopes"] == ["read-write"]
    assert (await reader.until_saved())["scopes"] == ["readonly"]


async def test_06_who_was_denied_tries_again_on_the_same_socket(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    provider = await socket.provide(document, "garbage", site.owner.token())
    await provider.until(failures=["token"], scopes=[])
    await provider.knock_again()
    await provider.until_saved()
    await provider.put("after", 1)
    await provider.until_saved()
    status = await socket.status()
    assert (status["connections"], status["close_codes"]) == (1, [])


async def test_06_another_provider_of_a_document_that_was_denied_succeeds(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    denied = await socket.provide(document, "garbage")
    await denied.until(failures=["token"])
    second = await socket.provide(document, site.owner.token())
    await second.until_saved()
    await second.put("second", 1)
    await second.until_saved()
    assert (await socket.status())["connections"] == 1


async def test_06_an_outsider_is_denied(site: Site, document: str, version: str) -> None:
    outsider = await site.new_member("member")
    await outsider.leaves()
    provider = await site.open(version, document, outsider)
    await provider.until(failures=["not a member"])


@pytest.mark.parametrize("kind", ["string", "sync", "async"])
async def test_07_the_token_may_be_a_text_or_a_function(
    site: Site, document: str, version: str, kind: str
) -> None:
    provider = await site.open(version, document, site.owner, token_kind=kind)
    await provider.until_saved()


async def test_08_changes_may_go_out_in_batches(site: Site, document: str) -> None:
    """Providers 2 and 3 have no `flushDelay`."""
    editor = await site.open("4", document, site.owner, flushDelay=20)
    reader = await site.open("3", document, site.owner)
    await asyncio.gather(editor.until_saved(), reader.until_saved())
    keys = [f"step {number}" for number in range(5)]
    await asyncio.gather(*(editor.put(key, 1) for key in keys))
    await reader.await_notes(keys)
    status = await editor.until_saved()
    assert 1 <= status["sent"]["update"] < 5
    assert status["received"]["accepted"] == status["sent"]["update"] + 1


async def test_09_who_is_present_is_known_on_joining_and_gone_when_destroyed(
    site: Site, document: str, version: str
) -> None:
    first = await site.open(version, document, site.owner)
    await first.until_saved()
    await first.present({"cursor": {"x": 1, "y": 2}})
    second = await site.open(version, document, site.viewer)
    await second.until(others=[{"cursor": {"x": 1, "y": 2}, "user": {"id": str(site.owner.id)}}])
    # Clients do not see the first state of another, since its clock is 0 (y-protocols).
    await second.present({})
    await first.until(others=[{"user": {"id": str(site.viewer.id)}}])
    await first.destroy()
    await second.until(others=[])


async def test_09_presence_stays_within_its_document(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    elsewhere = await socket.provide(await site.new_pipeline(), site.owner.token())
    here = await socket.provide(document, site.owner.token())
    witness = await site.open("4", document, site.owner)
    await asyncio.gather(here.until_saved(), elsewhere.until_saved())
    await elsewhere.present({"status": "elsewhere"})
    await here.present({"status": "here"})
    await witness.until(others=[{"status": "here"}])
    assert (await elsewhere.status())["others"] == []


async def test_09_presence_taken_back_is_gone_while_its_client_stays(
    site: Site, document: str, version: str
) -> None:
    first = await site.open(version, document, site.owner)
    second = await site.open("4", document, site.viewer)
    await asyncio.gather(first.until_saved(), second.until_saved())
    await first.present({"status": "busy"})
    await second.until(others=[{"status": "busy"}])
    await first.present(None)
    await second.until(others=[])


async def test_10_presence_of_others_is_not_sent_back_or_goes_nowhere(
    site: Site, document: str, version: str
) -> None:
    """Only provider 4 keeps what it hears to itself; the server ends the echo of the others."""
    watcher = await site.open("4", document, site.owner)
    quiet = await site.open(version, document, site.owner)
    await asyncio.gather(watcher.until_saved(), quiet.until_saved())
    await quiet.present({})
    await watcher.until(others=[{}])
    before = (await quiet.status())["sent"]["awareness"]
    heard = (await watcher.status())["received"]["awareness"]
    await watcher.present({"status": "busy"})
    await quiet.until(others=[{"status": "busy"}])
    await quiet.tell("end")
    # Its own presence comes back, and nothing else.
    await watcher.until(heard=["end"], received={"awareness": heard + 1})
    if version == "4":
        assert (await quiet.status())["sent"]["awareness"] == before == 2


async def test_11_a_provider_may_do_without_presence(
    site: Site, document: str, version: str
) -> None:
    other = await site.open("4", document, site.owner)
    blind = await site.open(version, document, site.owner, awareness=None)
    await blind.until_saved()
    await blind.put("blind", 1)
    await blind.until_saved()
    await other.await_notes(["blind"])
    assert (await other.status())["others"] == []


async def test_12_each_change_is_observed_once(site: Site, document: str, version: str) -> None:
    editor = await site.open(version, document, site.owner)
    reader = await site.open(version, document, site.owner)
    await asyncio.gather(editor.until_saved(), reader.until_saved())
    for number in range(3):
        await editor.put("step", number)
        # Changes that follow each other closely may reach another process as one.
        await reader.until(notes={"step": number})
    for provider in (editor, reader):
        await provider.tell("end")
    for provider in (editor, reader):
        assert (await provider.until(heard=["end", "end"]))["observed"] == 3


async def test_13_one_document_twice_on_one_socket(site: Site, document: str) -> None:
    """Providers 2 and 3 have no `sessionAwareness`."""
    socket = await site.socket("4")
    one, two = [
        await socket.provide(document, who.token(), sessionAwareness=True)
        for who in (site.owner, site.viewer)
    ]
    await asyncio.gather(one.until_saved(), two.until_saved())
    await one.put("step", 1)
    await one.until_saved()
    await two.await_notes(["step"])
    await one.present({"status": "one"})
    await two.until(others=[{"status": "one", "user": {"id": str(site.owner.id)}}])
    await one.destroy()
    await two.until(others=[])
    addresses = [(await provider.status())["address"] for provider in (one, two)]
    assert all(address.startswith(f"{document}\0") for address in addresses)
    assert sorted((await socket.status())["addresses"]) == sorted(addresses)


async def test_13_one_of_two_sessions_is_denied_alone(site: Site, document: str) -> None:
    """Providers 2 and 3 have no `sessionAwareness`."""
    socket = await site.socket("4")
    denied = await socket.provide(document, "garbage", sessionAwareness=True)
    granted = await socket.provide(document, site.owner.token(), sessionAwareness=True)
    await denied.until(failures=["token"])
    await granted.until_saved()
    await granted.put("step", 1)
    status = await granted.until_saved()
    assert (status["failures"], (await denied.status())["scopes"]) == ([], [])
    assert (await socket.status())["close_codes"] == []


def sync_step_1(name: str) -> str:
    return bytes((len(name), *name.encode(), 0, 0, 1, 0)).hex()


async def talk_until_closed(socket: Socket) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (await socket.status())["close_codes"]:
            # It may be not open yet.
            with suppress(AssertionError):
                await socket.send_bytes(sync_step_1("a"))


async def flood(socket: Socket, frames: list[str]) -> None:
    await socket.until(open=True)
    await asyncio.gather(*(socket.send_bytes(frame) for frame in frames))


async def assert_usable(site: Site, socket: Socket, document: str) -> None:
    """The socket comes back by itself, and the next document opens."""
    # Provider 2 greets twice if it is attached while its socket is away.
    await socket.until(open=True)
    provider = await socket.provide(document, site.owner.token())
    await provider.until_saved()
    await provider.put("usable", 1)
    await provider.until_saved()


async def test_14_many_messages_of_a_stranger_are_too_many(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    await flood(socket, [sync_step_1("a")] * 61)
    await socket.until(close_codes=[4205], reasons=["token first"])
    await assert_usable(site, socket, document)


async def test_14_many_bytes_of_a_stranger_are_too_many(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    await flood(socket, [sync_step_1("a")[:8] + "80e803" + "00" * 62_464])
    await socket.until(close_codes=[4205])
    await assert_usable(site, socket, document)


async def test_14_many_documents_at_once_are_too_many_even_while_tokens_are_looked_at(
    site: Site, version: str
) -> None:
    socket = await site.socket(version)
    async with site.locked("LOCK TABLE team_members IN ACCESS EXCLUSIVE MODE"):
        documents = [str(UUID(int=number)) for number in range(MAX_DOCUMENTS + 1)]
        for document in documents:
            await socket.provide(document, site.owner.token())
        await socket.until(close_codes=[4205], reasons=[f"at most {MAX_DOCUMENTS}"])


@on_one_node
async def test_14_a_stranger_s_time_is_up_whatever_is_said(site: Site, tmp_path: Path) -> None:
    """The clock is that of the process that has the socket, so one with a fast clock is enough."""
    fast = {
        **site.installation.environment,
        "PIPELOOM_UNAUTHENTICATED_SECONDS": "0.2",
        "PIPELOOM_UNAUTHENTICATED_MESSAGES": "100000",
        "PIPELOOM_UNAUTHENTICATED_BYTES": "10000000",
    }
    installation = Installation(site.installation.database_url, tmp_path / "data", fast)
    async with installation.serve("--no-worker") as server:
        for version in VERSIONS:
            socket = await site.page.socket(version, server.collab)
            provider = await socket.provide(str(UUID(int=404)), site.owner.token())
            # On a busy machine its time may be up before the answer; then it asks again.
            await provider.until(failures=["no pipeline"])
            await talk_until_closed(socket)
            assert set((await socket.status())["close_codes"]) == {4408}
        await site.page.clear()


async def test_15_a_broadcast_between_servers_is_not_taken_from_a_client(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    vandal = await socket.provide(document, site.owner.token())
    victim = await site.open("4", document, site.owner)
    await asyncio.gather(vandal.until_saved(), victim.until_saved())
    await socket.send_bytes(b"".join([bytes((36,)), document.encode(), b"\x06\x02hi"]).hex())
    await socket.until(close_codes=[4400])
    await vandal.until_saved()
    await vandal.tell("end")
    assert json.loads((await victim.until(heard=["end"]))["heard"][0])["payload"] == "end"


@pytest.mark.parametrize("frame", ["ff", "00", "03646f63", "03646f637f", "0a", "24"])
async def test_16_a_malformed_frame_ends_its_socket_and_nothing_else(
    site: Site, document: str, version: str, frame: str
) -> None:
    socket, bystander = await site.socket(version), await site.open("4", document, site.owner)
    await socket.until(open=True)
    await socket.send_bytes(frame)
    if frame != "0a":
        await socket.until(close_codes=[4400])
    await assert_usable(site, socket, document)
    await bystander.await_notes(["usable"])
    assert (await bystander.status())["closings"] == []


async def test_16_a_text_frame_ends_its_socket_and_nothing_else(
    site: Site, document: str, version: str
) -> None:
    socket, bystander = await site.socket(version), await site.open("4", document, site.owner)
    await socket.until(open=True)
    await socket.send_text("hello")
    await socket.until(close_codes=[4400], reasons=["binary"])
    await assert_usable(site, socket, document)
    await bystander.await_notes(["usable"])


@on_one_node
async def test_16_too_large_a_paste_ends_its_document_and_is_not_sent_again(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    vandal = await socket.provide(document, site.owner.token())
    other = await socket.provide(await site.new_pipeline(), site.owner.token())
    await asyncio.gather(vandal.until_saved(), other.until_saved())
    await vandal.paste("pasted", TOO_LARGE)
    await vandal.put("behind", 1)
    status = await vandal.until(failures=["message too big"])
    assert status["unsynced"]
    await other.put("usable", 1)
    await other.until_saved()
    status = await socket.status()
    assert (status["connections"], status["close_codes"]) == (1, [])
    late = await site.open("4", document, site.owner)
    assert (await late.until_saved())["notes"] == {}


async def test_16_an_update_that_cannot_be_decoded_ends_its_socket_and_nothing_else(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    vandal = await socket.provide(document, site.owner.token())
    bystander = await site.open("4", document, site.owner)
    await asyncio.gather(vandal.until_saved(), bystander.until_saved())
    await socket.send_bytes((bytes((36,)) + document.encode() + b"\x00\x02\x04junk").hex())
    await socket.until(close_codes=[4400])
    await vandal.until(scopes=["read-write"] * 2)
    await vandal.until_saved()
    await vandal.put("usable", 1)
    await vandal.until_saved()
    await bystander.await_notes(["usable"])


@pytest.mark.parametrize("name", ["", " ", "\t"], ids=["empty", "space", "tab"])
async def test_17_a_document_without_a_name_is_refused(site: Site, version: str, name: str) -> None:
    socket = await site.socket(version)
    provider = await socket.provide(name, site.owner.token())
    status = await socket.until_closed()
    assert set(status["close_codes"]) == {4400}
    assert "name of a document" in status["reasons"][0]
    assert (await provider.status())["scopes"] == []


async def test_18_all_who_come_while_a_document_loads_get_it_by_one_load_a_process(
    site: Site, document: str
) -> None:
    async with site.locked("LOCK TABLE pipeline_updates IN ACCESS EXCLUSIVE MODE") as sql:
        late = [await site.open(version, document, site.owner) for version in VERSIONS * 2]
        await asyncio.gather(*(provider.until(scopes=["read-write"]) for provider in late))
        # The worker reads the log, too, but under another name.
        await site.until_waiting(SERVERS_WAITING, "pipeline_updates")
        loads = await sql.fetchval(SERVERS_WAITING, "pipeline_updates")
        assert loads <= site.servers.arrangement.processes
    await asyncio.gather(*(provider.until_saved() for provider in late))


async def test_18_who_waits_for_a_document_that_cannot_be_loaded_is_told_and_comes_back(
    site: Site, document: str, version: str
) -> None:
    socket = await site.socket(version)
    async with site.installation.sql() as sql:
        await sql.execute("ALTER TABLE pipeline_updates RENAME TO away")
        try:
            provider = await socket.provide(document, site.owner.token())
            await socket.until_closed()
        finally:
            await sql.execute("ALTER TABLE away RENAME TO pipeline_updates")
    await provider.until_saved()
    assert set((await socket.status())["close_codes"]) == {1013}


async def test_19_a_token_that_expires_is_asked_for_and_renewed_in_place(
    site: Site, document: str
) -> None:
    """Provider 2 does not know the question: its session ends with its token, and it stays away."""
    sockets = {version: await site.socket(version) for version in VERSIONS}
    # Clocks may be five seconds apart.
    short = site.owner.token(-timedelta(seconds=2))
    providers = {
        version: await socket.provide(document, short, site.owner.token())
        for version, socket in sockets.items()
    }
    await sockets["2"].until(close_codes=[4401], reasons=["expired"], wants_connection=False)
    for version in LIVE:
        await providers[version].put(f"by {version}", 1)
        status = await providers[version].until_saved()
        assert (status["asked"], status["scopes"]) == (2, ["read-write"] * 2)
        assert (await sockets[version].status())["close_codes"] == []
    assert (await providers["2"].status())["asked"] == 1


@pytest.mark.parametrize(("second", "code"), [("garbage", 4401), ("other", 4403)])
async def test_19_a_bad_token_in_place_of_one_that_expires_closes_the_document(
    site: Site, document: str, live_version: str, second: str, code: int
) -> None:
    """Provider 2 sends no second token."""
    socket = await site.socket(live_version)
    bad = site.viewer.token() if second == "other" else second
    provider = await socket.provide(document, site.owner.token(timedelta(seconds=1)), bad)
    await provider.until(closings=["Unauthorized", ""])
    await socket.until(close_codes=[code])


async def test_several_documents_share_a_socket(site: Site, version: str) -> None:
    socket = await site.socket(version)
    documents = [await site.new_pipeline() for _ in range(3)]
    providers = [await socket.provide(each, site.owner.token()) for each in documents]
    await asyncio.gather(*(provider.until_saved() for provider in providers))
    for number, provider in enumerate(providers):
        await provider.put("number", number)
    for number, provider in enumerate(providers):
        assert (await provider.until_saved())["notes"] == {"number": number}
    await providers[0].destroy()
    await providers[1].put("still", 1)
    await providers[1].until_saved()
    again = await socket.provide(documents[0], site.owner.token())
    assert (await again.until_saved())["notes"] == {"number": 0}
    assert (await socket.status())["connections"] == 1


async def test_documents_that_are_left_make_room_for_others(site: Site, version: str) -> None:
    socket = await site.socket(version)
    stays = await socket.provide(await site.new_pipeline(), site.owner.token())
    document = await site.new_pipeline()
    for _ in range(MAX_DOCUMENTS + 2):
        provider = await socket.provide(document, site.owner.token())
        await provider.until_saved()
        await provider.destroy()
    await stays.until_saved()
    assert (await socket.status())["close_codes"] == []


async def test_a_change_of_role_is_told_and_holds_at_once(
    site: Site, document: str, version: str
) -> None:
    member = await site.new_member("member")
    socket = await site.socket(version)
    provider = await socket.provide(document, member.token())
    await provider.until_saved()
    await member.becomes("viewer")
    await provider.until(scopes=["read-write", "readonly"])
    await provider.put("refused", 1)
    await provider.until(received={"refused": 1}, unsynced=1)
    await member.becomes("member")
    await provider.until(scopes=["read-write", "readonly", "read-write"])
    witness = await site.open("4", document, site.owner)
    await witness.await_notes(["refused"])
    assert (await socket.status())["close_codes"] == []


async def test_who_leaves_the_team_is_sent_away_and_denied(
    site: Site, document: str, version: str
) -> None:
    """Provider 2 does not come back after 4403, whatever it tells the console."""
    member = await site.new_member("member")
    socket = await site.socket(version)
    provider = await socket.provide(document, member.token())
    await provider.until_saved()
    await member.leaves()
    await socket.until(close_codes=[4403], reasons=["withdrawn"])
    if version in LIVE:
        await provider.until(failures=["not a member"])


async def test_a_text_is_told_to_everybody_with_the_sender_that_the_server_knows(
    site: Site, document: str, version: str
) -> None:
    sender = await site.open(version, document, site.viewer)
    hearer = await site.open("4", document, site.owner)
    elsewhere = await site.open("4", await site.new_pipeline(), site.owner)
    await asyncio.gather(*(one.until_saved() for one in (sender, hearer, elsewhere)))
    await sender.tell("héllo")
    for provider in (sender, hearer):
        (told,) = (await provider.until(heard=["héllo"]))["heard"]
        message = json.loads(told)
        assert message["payload"] == "héllo"
        assert message["from"]["id"] == str(site.viewer.id)
        assert message["from"]["name"] == "Demo Viewer"
    await elsewhere.tell("end")
    assert len((await elsewhere.until(heard=["end"]))["heard"]) == 1


async def test_providers_and_y_websocket_clients_share_rooms(
    site: Site, document: str, version: str
) -> None:
    provider = await site.open(version, document, site.owner)
    async with stock_client("3.1", site.address, document, site.viewer.token()) as viewer:
        await asyncio.gather(provider.until_saved(), viewer.online())
        await provider.put("by a provider", {"name": "by a provider"})
        await provider.present({"cursor": {"x": 1, "y": 2}, "user": {"name": "somebody else"}})
        await viewer.present({"selection": ["s"], "user": {"name": "somebody else"}})
        await provider.until(others=[{"selection": ["s"], "user": {"name": "Demo Viewer"}}])

        async def seen() -> bool:
            states = (await viewer.status())["others"]
            return [(state.get("cursor"), state["user"]["name"]) for state in states] == [
                ({"x": 1, "y": 2}, "Demo Owner")
            ]

        async def has_note() -> bool:
            return bool(await viewer.notes() == {"by a provider": {"name": "by a provider"}})

        await eventually("the provider's cursor", seen)
        await eventually("the provider's note", has_note)
        await viewer.leave()
        await provider.until(others=[])
    async with stock_client("2.1", site.address, document, site.owner.token()) as owner:
        await owner.online()
        await owner.rename("by y-websocket")
        await owner.remove_note("by a provider")
        await owner.await_echoes()

        async def has_none() -> bool:
            return bool((await provider.status())["notes"] == {})

        await eventually("the end of the provider's note", has_none)


async def test_providers_come_back_after_a_crash_with_what_they_wrote_meanwhile(
    site: Site, document: str
) -> None:
    providers = {version: await site.open(version, document, site.owner) for version in VERSIONS}
    await asyncio.gather(*(provider.until_saved() for provider in providers.values()))
    async with site.servers.away(signal.SIGKILL):
        for version, provider in providers.items():
            await provider.until(synced=False)
            await provider.put(f"meanwhile {version}", 1)
    keys = [f"meanwhile {version}" for version in VERSIONS]
    await asyncio.gather(*(provider.await_notes(keys) for provider in providers.values()))
    await asyncio.gather(*(providers[version].until_saved() for version in LIVE))

    async def caught_up() -> bool:
        # Provider 2 has what it wrote offline acknowledged twice, and counts below zero.
        return bool((await providers["2"].status())["unsynced"] <= 0)

    await eventually("acknowledgements", caught_up)
