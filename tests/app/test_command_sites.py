"""Commands that work on a database and on a server: both do the same, and editors see it."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from crdt.yaml.codec import MAX_BYTES
from tests.crdt.through_javascript import parse
from tests.editor import joined
from tests.server import OWNER, Installation, Outcome, Server, run

GOOD = "workflow:\n  name: {name}\n  steps:\n    - name: {step}\n      type: claude\n"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Somewhere:
    """A database with a server on it, and how a command is sent to one of them."""

    ask: Callable[..., Awaitable[Outcome]]
    installation: Installation
    server: Server

    async def result(self, *command: str, piped: bytes = b"") -> str:
        outcome = await self.ask(*command, piped=piped)
        assert outcome.code == 0, outcome
        return outcome.out.strip()

    async def room(self, pipeline_id: str) -> str:
        return self.server.room(pipeline_id, await self.installation.token(OWNER))


@pytest.fixture(params=["near", "far"])
async def site(
    request: pytest.FixtureRequest, shared_installation: Installation, shared_server: Server
) -> Somewhere:
    far = ["--url", shared_server.http(""), "--token", await shared_installation.token(OWNER)]

    async def ask(*command: str, piped: bytes = b"") -> Outcome:
        return await run(*command, *(shared_installation.places if is_near else far), piped=piped)

    is_near = request.param == "near"
    return Somewhere(ask, shared_installation, shared_server)


def a_file(folder: Path, file: str, name: str, step: str) -> str:
    path = folder / file
    path.write_text(GOOD.format(name=name, step=step))
    return str(path)


def write(file: str, text: str) -> None:
    Path(file).write_text(text)


async def test_an_update_goes_by_name_and_by_id(site: Somewhere, tmp_path: Path) -> None:
    file = a_file(tmp_path, "u.yaml", str(tmp_path), "one")
    first = json.loads(await site.result("import", "--update", "--json", file))
    assert (first["outcome"], first["file"]) == ("created", file)
    a_file(tmp_path, "u.yaml", str(tmp_path), "two")
    second = json.loads(await site.result("import", "--update", "--json", file))
    assert (second["outcome"], second["id"]) == ("updated", first["id"])
    named = a_file(tmp_path, f"{first['id']}.yaml", "another name", "three")
    assert await site.result("import", "--update", named) == first["id"]
    assert "another name" in await site.result("list")
    assert await site.result("import", "--id", first["id"], file) == first["id"]
    assert await site.result("import", file) != first["id"]
    several = await site.ask("import", "--update", file)
    assert (several.code, several.out) == (1, "")
    assert "several" in several.err
    assert first["id"] in several.err


async def test_an_export_is_piped_into_an_import(site: Somewhere, tmp_path: Path) -> None:
    first = await site.result("import", a_file(tmp_path, "p.yaml", str(tmp_path), "one"))
    text = (await site.result("export", first)).encode()
    line = json.loads(await site.result("import", "--json", "-", piped=text))
    assert (line["file"], line["outcome"]) == ("-", "created")
    assert parse(await site.result("export", line["id"])) == parse(text.decode())
    assert await site.result("import", "--id", first, "-", piped=text) == first
    nameless = await site.result("import", "-", piped=b"steps:\n  - {name: x, type: claude}\n")
    listed = (await site.result("list")).splitlines()
    assert [one.split("\t")[-1] for one in listed if nameless in one] == ["Untitled pipeline"]


@pytest.mark.parametrize(
    ("piped", "words"),
    [
        (b"", "got nothing: see whether the command before | has failed"),
        (b" \n", "got nothing"),
        (b"no such pipeline\n", "line 1, column 1: not a pipeline: expected a mapping"),
        (b"x" * (MAX_BYTES + 1), f"expected at most {MAX_BYTES} bytes, got more"),
    ],
    ids=["empty", "blank", "words", "long"],
)
async def test_what_is_piped_and_is_no_pipeline_is_refused(
    site: Somewhere, piped: bytes, words: str
) -> None:
    outcome = await site.ask("import", "-", piped=piped)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.splitlines() == [outcome.err.strip()]
    assert outcome.err.startswith("standard input: ")
    assert words in outcome.err


async def test_the_standard_input_is_read_once(site: Somewhere) -> None:
    outcome = await site.ask("import", "-", "-", piped=b"steps: []\n")
    assert (outcome.code, outcome.out) == (2, "")
    assert "can be read once" in outcome.err


async def test_an_update_of_what_is_not_there_is_refused(site: Somewhere, tmp_path: Path) -> None:
    nobody = "00000000-0000-0000-0000-000000000001"
    outcome = await site.ask("import", "--update", a_file(tmp_path, f"{nobody}.yaml", "x", "x"))
    assert (outcome.code, outcome.out) == (1, "")
    assert nobody in outcome.err
    assert "Traceback" not in outcome.err


async def test_an_editor_sees_an_update_and_loses_nothing(site: Somewhere, tmp_path: Path) -> None:
    """What somebody writes into the open document stays; a step that stays keeps its id."""
    file = a_file(tmp_path, "live.yaml", f"live {tmp_path}", "stays")
    pipeline_id = await site.result("import", file)
    async with joined(await site.room(pipeline_id)) as editor:
        [step_id] = editor.steps
        await editor.edit(lambda _: editor.notes.update({"mine": 1}))
        await editor.until_echoed()
        text = GOOD.format(name=f"live {tmp_path}", step="stays")
        write(file, f"{text}    - name: new\n      type: claude\n")
        await site.result("import", "--update", file)
        await editor.until("the new step", lambda: len(editor.steps) == 2)
        assert step_id in editor.steps
        assert editor.notes["mine"] == 1
        await editor.edit(lambda _: editor.notes.update({"after": 1}))
        await editor.until_echoed()


async def test_versions_are_saved_listed_printed_and_restored(
    site: Somewhere, tmp_path: Path
) -> None:
    file = a_file(tmp_path, "v.yaml", f"versions {tmp_path}", "old")
    pipeline_id = await site.result("import", file)
    number = await site.result("versions", "save", pipeline_id, "first", "--summary", "why")
    assert await site.result("versions", "save", pipeline_id, "first") == number
    a_file(tmp_path, "v.yaml", f"versions {tmp_path}", "new")
    await site.result("import", "--id", pipeline_id, file)
    old = parse(await site.result("versions", "export", pipeline_id, number))
    assert old == parse(GOOD.format(name=f"versions {tmp_path}", step="old"))
    async with joined(await site.room(pipeline_id)) as editor:
        names = lambda: {str(step["name"]) for step in editor.steps.values()}  # noqa: E731
        await editor.until("the new step", lambda: names() == {"new"})
        kept = await site.result("versions", "restore", pipeline_id, number)
        await editor.until("the old step", lambda: names() == {"old"})
    lines = (await site.result("versions", "list", pipeline_id)).splitlines()
    assert [line.split("\t")[0] for line in lines] == [kept, number]
    assert lines[1].split("\t")[2:] == ["first", "why"]
    [newest] = (await site.result("versions", "list", pipeline_id, "--limit", "1", "--json")).split(
        "\n"
    )
    assert json.loads(newest)["number"] == int(kept)
    again = await site.result("versions", "restore", pipeline_id, number, "--json")
    assert json.loads(again) == {"restored": int(number), "kept": None}
    assert "old" in await site.result("export", pipeline_id)


async def test_a_step_alone_is_put_back(site: Somewhere, tmp_path: Path) -> None:
    file = a_file(tmp_path, "s.yaml", f"steps {tmp_path}", "one")
    pipeline_id = await site.result("import", file)
    async with joined(await site.room(pipeline_id)) as editor:
        [step_id] = editor.steps
        number = await site.result("versions", "save", pipeline_id, "first")
        write(file, f"workflow:\n  name: none {tmp_path}\n  steps: []\n")
        await site.result("import", "--id", pipeline_id, file)
        await editor.until("no step", lambda: len(editor.steps) == 0)
        await site.result("versions", "restore", pipeline_id, number, "--step", step_id)
        await editor.until("the step", lambda: set(editor.steps) == {step_id})
    # Only the step: the pipeline keeps its new name.
    assert "name: none" in await site.result("export", pipeline_id)


@pytest.mark.parametrize(
    "command",
    [("export", "99"), ("restore", "99"), ("list",), ("save", "name")],
    ids=lambda command: str(command[0]),
)
async def test_what_is_not_there_is_said_in_a_line(
    site: Somewhere, command: tuple[str, ...]
) -> None:
    pipeline = "00000000-0000-0000-0000-000000000001"
    if len(command) == 2 and command[1] == "99":
        pipeline = await site.installation.demo_pipeline()
    verb, *rest = command
    outcome = await site.ask("versions", verb, pipeline, *rest)
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (1, "", 1), outcome
    assert "99" in outcome.err or pipeline in outcome.err


async def test_a_full_team_takes_only_what_deletes(
    shared_installation: Installation, shared_server: Server, tmp_path: Path
) -> None:
    file = a_file(tmp_path, "full.yaml", f"full {tmp_path}", "one")
    pipeline_id = await shared_installation.result("import", file)
    a_file(tmp_path, "full.yaml", f"full {tmp_path}", "two")
    places, full = shared_installation.places, {"PIPELOOM_MAX_BYTES_PER_TEAM": "1024"}
    refused = await run("import", "--update", file, *places, environment=full)
    assert (refused.code, refused.out) == (1, "")
    assert "stores" in refused.err
    write(file, f"workflow:\n  name: full {tmp_path}\n  steps: []\n")
    outcome = await run("import", "--update", file, *places, environment=full)
    assert (outcome.code, outcome.out.strip()) == (0, pipeline_id)
