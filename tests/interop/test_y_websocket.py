"""Stock y-websocket clients of several versions: everybody agrees in the end.

Each test runs over all arrangements of servers.
"""

import asyncio
import signal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from crdt.protocol.awareness_update import MAX_STATE_BYTES
from tests.crdt.through_javascript import parse
from tests.interop.site import Site
from tests.interop.stock import VERSIONS, StockClient, stock_client, stock_clients
from tests.interop.tables import expected_tables, tables_of
from tests.server import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

CORPUS_FILE = Path(__file__).resolve().parents[3] / "shared/corpus/examples/simple_test.yaml"
OWN_FILE = """\
workflow:
  name: simple_test
  steps:
    - name: gemini_test
      type: gemini
      prompt:
        - type: static
          content: "Hello from Gemini!"
    - name: claude_test
      type: claude
      prompt:
        - type: static
          content: "Hello from Claude!"
"""
TOO_LARGE = 8_400_000
"""More bytes than a message may have."""

PROMPT = ["config", "prompt", 0, "content"]


def pipeline_file(folder: Path) -> Path:
    """A file of the corpus, when there is one beside the repository."""
    if CORPUS_FILE.exists():
        return CORPUS_FILE
    print("no shared/corpus beside the repository: using a pipeline of our own")
    own = folder / "simple_test.yaml"
    own.write_text(OWN_FILE)
    return own


def a_step(name: str, prompt: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "type": "claude",
        "enabled": True,
        "parent_step_id": None,
        "slot": "steps",
        "order": f"b{name}",
        "position": {"x": 0, "y": 0},
        "size": {"width": 200, "height": 100},
        "prompt": prompt,
    }


def ends(source: str, target: str) -> dict[str, str]:
    return {
        "from_step_id": source,
        "to_step_id": target,
        "from_output": "output",
        "to_input": "input",
    }


def new_id() -> str:
    return str(uuid4())


async def steps_by_name(client: StockClient) -> dict[str, str]:
    steps = (await client.dump())["steps"]
    return {step["name"]: key for key, step in steps.items()}


async def agreement(*clients: StockClient) -> dict[str, Any]:
    """Wait until the clients' documents are the same; return what they say."""

    async def same() -> dict[str, Any] | None:
        first, *others = await asyncio.gather(*(client.dump() for client in clients))
        return first if all(first == other for other in others) else None

    await asyncio.gather(*(client.await_echoes() for client in clients))
    agreed = await eventually("documents that agree", same)
    assert agreed is not None
    return agreed


@pytest.mark.parametrize("versions", [VERSIONS, VERSIONS[1:] + VERSIONS[:1]], ids="-".join)
async def test_clients_a_latecomer_the_export_and_the_tables_agree(
    site: Site, tmp_path: Path, versions: tuple[str, ...]
) -> None:
    file = str(pipeline_file(tmp_path))
    document = await site.installation.result("import", file, "--team", "demo")
    token = site.owner.token()
    async with stock_clients(versions, site.address, document, token) as (one, two, late):
        await asyncio.gather(one.online(), two.online())
        steps = await steps_by_name(one)
        await edit_at_once(one, two, steps)
        live = await agreement(one, two)
        assert_both_wrote(live, steps, "one", "two")

        await two.disconnect()
        await edit_apart(one, two, steps)
        await two.connect()
        agreed = await agreement(one, two)
        assert_both_wrote(agreed, steps, "three", "four")

        await late.online()
        assert await agreement(one, two, late) == agreed
        assert await tables_of(site.installation, document) == expected_tables(agreed)
        assert_exported(await site.installation.result("export", document), agreed)


async def edit_at_once(one: StockClient, two: StockClient, steps: dict[str, str]) -> None:
    gemini, claude = steps["gemini_test"], steps["claude_test"]
    await asyncio.gather(
        one.type(gemini, PROMPT, 0, "one "),
        two.type(gemini, PROMPT, 0, "two "),
        one.set(gemini, "position", {"x": 10, "y": 11}),
        two.set(gemini, "position", {"x": 20, "y": 22}),
        one.wire(new_id(), ends(gemini, claude)),
        two.put_step(new_id(), a_step("by two", "naïve “text” 🦉")),
        one.put_step(new_id(), a_step("by one")),
        two.rename("renamed by two"),
    )


async def edit_apart(online: StockClient, offline: StockClient, steps: dict[str, str]) -> None:
    """One of the two has no connection, and both change the same things."""
    gemini, claude = steps["gemini_test"], steps["claude_test"]
    added = new_id()
    await asyncio.gather(
        online.type(gemini, PROMPT, 4, "three "),
        offline.type(gemini, PROMPT, 4, "four "),
        online.set(claude, "position", {"x": 30, "y": 33}),
        offline.remove_step(claude),
        offline.put_step(added, a_step("made offline")),
        offline.wire(new_id(), ends(gemini, added)),
        online.wire(new_id(), ends(claude, gemini)),
        online.set(gemini, "enabled", False),
    )
    await online.await_echoes()


def assert_both_wrote(document: dict[str, Any], steps: dict[str, str], *words: str) -> None:
    text = document["steps"][steps["gemini_test"]]["config"]["prompt"][0]["content"]
    for word in words:
        assert text.count(f"{word} ") == 1
    assert document["pipeline"]["name"] == "renamed by two"


def assert_exported(yaml: str, document: dict[str, Any]) -> None:
    workflow = parse(yaml)["workflow"]
    exported = {step["name"]: (step["type"], step["prompt"]) for step in workflow["steps"]}
    assert workflow["name"] == document["pipeline"]["name"]
    assert exported == {
        step["name"]: (step["type"], step["config"]["prompt"])
        for step in document["steps"].values()
    }


async def test_half_a_character_is_the_same_to_everybody(site: Site, document: str) -> None:
    text, prompt = "a😀b", ["config", "prompt"]
    typed, low, high = new_id(), new_id(), new_id()
    token = site.owner.token()
    async with stock_clients(("3.1", "2.1", "3.0"), site.address, document, token) as clients:
        one, two, late = clients
        await asyncio.gather(one.online(), two.online())
        for name, step in {"typed": typed, "low": low, "high": high}.items():
            await one.put_step(step, a_step(name, text))
        await agreement(one, two)
        await one.type(typed, prompt, 2, "X")
        await one.erase(low, prompt, 2, 1)
        await two.erase(high, prompt, 1, 1)
        agreed = await agreement(one, two)
        shown = [agreed["steps"][step]["config"]["prompt"] for step in (typed, low, high)]
        assert shown == ["a\ufffdX\ufffdb", "a\ufffdb", "a\ufffdb"]
        await late.online()
        assert await agreement(one, two, late) == agreed
        assert await tables_of(site.installation, document) == expected_tables(agreed)


@pytest.mark.parametrize("departure", ["leave", "vanish", "disconnect"])
async def test_presence_is_seen_and_goes_with_its_client(
    site: Site, document: str, departure: str
) -> None:
    clients = stock_clients(("3.1", "2.1"), site.address, document, site.owner.token())
    async with clients as (watcher, visitor):
        await asyncio.gather(watcher.online(), visitor.online())
        await visitor.present({"cursor": {"x": 1, "y": 2}, "selection": ["häß"]})

        async def seen() -> bool:
            states = (await watcher.status())["others"]
            return [state.get("selection") for state in states] == [["häß"]]

        await eventually("the visitor's selection", seen)
        await getattr(visitor, departure)()
        await watcher.await_others(0)


async def test_who_passes_on_the_largest_presence_stays(site: Site, document: str) -> None:
    """y-websocket sends back what it hears, and with the user in it that is too long."""
    note = "é" * ((MAX_STATE_BYTES - len('{"note":""}')) // 2)
    clients = stock_clients(("3.1", "2.1"), site.address, document, site.owner.token())
    async with clients as (watcher, visitor):
        await asyncio.gather(watcher.online(), visitor.online())
        await visitor.present({"note": note})

        async def seen() -> bool:
            states = (await watcher.status())["others"]
            return [state.get("note") for state in states] == [note]

        await eventually("the visitor's note", seen)
        await watcher.put_step(new_id(), a_step("after that"))
        await watcher.await_echoes()


async def test_a_viewer_is_refused_and_its_edit_reaches_nobody(site: Site, document: str) -> None:
    owner_token = site.owner.token()
    async with (
        stock_client("3.0", site.address, document, owner_token) as owner,
        stock_client("3.1", site.address, document, site.viewer.token()) as viewer,
        stock_client("2.1", site.address, document, owner_token) as witness,
    ):
        await asyncio.gather(owner.online(), viewer.online())
        await viewer.put_step(new_id(), a_step("forbidden"))
        await viewer.await_refusal()
        await owner.put_step(new_id(), a_step("allowed"))
        await owner.await_echoes()
        await witness.online()
        for client in (viewer, witness):
            await client.await_reaches(await owner.state_vector())
        for client in (owner, witness):
            assert list(await steps_by_name(client)) == ["allowed"]
        status = await viewer.status()
        assert status["connected"]
        assert status["unacknowledged"] > 0
        assert "read-only" in status["refusals"][0]
    tables = await tables_of(site.installation, document)
    assert {step["name"] for step in tables["steps"].values()} == {"allowed"}


async def test_a_client_of_3_1_stays_away_after_a_permanent_refusal(
    site: Site, document: str
) -> None:
    outsider = await site.new_member("member")
    await outsider.leaves()
    refused = {
        4401: (document, site.owner.token() + "x"),
        4403: (document, outsider.token()),
        4404: (str(UUID(int=404)), site.owner.token()),
    }
    for code, (room, token) in refused.items():
        async with stock_client("3.1", site.address, room, token) as client:
            await client.connect()
            await client.await_stop()
            status = await client.status()
            assert (status["stops"], status["close_codes"]) == ([code], [code])
            assert not status["wants_connection"]


async def test_a_client_of_3_1_stays_away_after_too_large_a_paste(
    site: Site, document: str
) -> None:
    async with stock_client("3.1", site.address, document, site.owner.token()) as client:
        await client.online()
        await client.rename("before")
        await client.await_echoes()
        await client.paste("description", TOO_LARGE)
        await client.await_stop()
        status = await client.status()
        assert (status["stops"], status["close_codes"]) == ([4413], [4413])
        assert not status["wants_connection"]
    async with stock_client("3.1", site.address, document, site.owner.token()) as other:
        await other.online()
        assert (await other.dump())["pipeline"]["name"] == "before"


@pytest.mark.parametrize(("end", "code"), [(signal.SIGTERM, 1012), (signal.SIGKILL, 1006)])
async def test_clients_come_back_after_a_restart_with_what_they_wrote_meanwhile(
    site: Site, document: str, end: signal.Signals, code: int
) -> None:
    async with stock_clients(VERSIONS, site.address, document, site.owner.token()) as clients:
        await asyncio.gather(*(client.online() for client in clients))
        async with site.servers.away(end):
            await asyncio.gather(*(client.await_closed(code) for client in clients))
            for number, client in enumerate(clients):
                await client.put_step(new_id(), a_step(f"meanwhile {number}"))
        agreed = await agreement(*clients)
        names = {step["name"] for step in agreed["steps"].values()}
        assert {"meanwhile 0", "meanwhile 1", "meanwhile 2"} <= names
        assert await tables_of(site.installation, document) == expected_tables(agreed)
