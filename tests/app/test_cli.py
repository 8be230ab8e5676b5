"""The command line as scripts see it: results on stdout, messages on stderr, exit codes."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import jwt
import pytest
import pytest_asyncio
from pycrdt import Map

from app.auth.tokens import secret_in
from tests.conftest import a_database
from tests.crdt.through_javascript import parse
from tests.editor import Editor, joined
from tests.rounds import some
from tests.server import OWNER, PIPELOOM, VIEWER, Installation, Outcome, Server, eventually, run

GOOD = """\
workflow:
  name: {name}
  steps:
    - name: ask
      type: claude
      prompt:
        - type: static
          content: "What is {name}?"
"""
OF_V1 = """\
workflow:
  name: "v1_code_review"
  checkpoint_enabled: true
  workspace_dir: "./workspace"
  defaults:
    gemini_model: "gemini-1.5-flash"
    gemini_token_budget: {max_output_tokens: 2048, temperature: 0.7}
    claude_output_format: "json"
    output_dir: "./outputs"
  steps:
    - name: "plan"
      type: "gemini"
      role: "brain"
      prompt: "Plan the review."
    - name: "review"
      type: "claude"
      role: "muscle"
      on_error: "continue"
      max_attempts: 3
      condition: "plan.needs_review"
      claude_options: {print: true, max_turns: 10, allowed_tools: ["Read"], cwd: "./src"}
      prompt:
        - type: "static"
          content: "Review by this plan:"
        - type: "previous_response"
          step: "plan"
          extract: "steps"
      output_to_file: "review.json"
    - name: "sides"
      type: "parallel_claude"
      parallel_tasks:
        - id: "a"
          claude_options: {max_turns: 2}
          prompt: [{type: "file", path: "a.py"}]
"""
BAD_YAML = 'workflow:\n  name: "bad"\n  steps:\n    - name: [unclosed\n'
NO_PIPELINE = "on: push\njobs: {}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started_database(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The name of a database in which a first start is over, to copy."""
    async with a_database(postgres_server, template_database) as dsn:
        folder = tmp_path_factory.mktemp("first") / "data"
        async with Installation(dsn, folder, starts_anew=True).serve() as server:
            await server.program.end()
        yield urlsplit(dsn).path.removeprefix("/")


@pytest.fixture
async def demo(
    postgres_server: str, started_database: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    """An installation whose first start is over."""
    async with a_database(postgres_server, started_database) as dsn:
        secret_in(tmp_path / "data")
        yield Installation(dsn, tmp_path / "data")


def assert_explained(outcome: Outcome, *words: str, code: int = 1) -> None:
    """Check for a failure that is explained in one line and leaves nothing on stdout."""
    assert (outcome.code, outcome.out) == (code, "")
    assert "Traceback" not in outcome.err
    if code == 1:
        assert len(outcome.err.splitlines()) == 1, outcome.err
    for word in words:
        assert word in outcome.err


def a_file(folder: Path, name: str, content: str) -> str:
    path = folder / name
    path.write_text(content)
    return str(path)


async def count_pipelines(installation: Installation) -> int:
    async with installation.sql() as sql:
        return int(await sql.fetchval("SELECT count(*) FROM pipelines"))


async def test_a_token_can_begin_a_session(demo: Installation) -> None:
    token = await demo.result("token", "--email", OWNER, "--renewable")
    claims: dict[str, int] = jwt.decode(token, options={"verify_signature": False})
    assert claims["renewable_until"] - claims["exp"] == 6.5 * 24 * 3600


async def test_a_token_is_all_that_is_printed(demo: Installation) -> None:
    outcome = await demo.run("token", "--email", OWNER.upper(), "--ttl", "60")
    assert (outcome.code, outcome.err, outcome.out.count("\n")) == (0, "", 1)
    claims = jwt.decode(outcome.out.strip(), options={"verify_signature": False})
    assert claims["email"] == OWNER
    assert 0 < claims["exp"] - time.time() <= 61
    assert_explained(await demo.run("token", "--email", "nobody@here"), "nobody@here")


async def test_no_token_is_signed_with_a_secret_that_no_server_has(
    demo: Installation, tmp_path: Path
) -> None:
    elsewhere = replace(demo, data_dir=tmp_path / "elsewhere")
    outcome = await elsewhere.run("token", "--email", OWNER)
    assert_explained(outcome, "PIPELOOM_JWT_SECRET", str(elsewhere.data_dir))
    assert not elsewhere.data_dir.exists()
    chosen = {"PIPELOOM_JWT_SECRET": "the secret of the server, long enough"}
    assert await replace(elsewhere, environment=chosen).result("token", "--email", OWNER)


async def test_a_database_of_somebody_s_gets_no_demo_unasked(installation: Installation) -> None:
    unasked = replace(installation, environment={"PIPELOOM_DEMO": "false"})
    async with unasked.serve("--no-worker") as server:
        await server.program.end()
    assert await unasked.result("user", "list") == ""
    async with unasked.serve("--no-worker", "--demo") as server:
        await server.program.end()
    assert "owner@demo.pipeloom" in await unasked.result("user", "list")


@pytest.mark.parametrize(
    "args",
    [
        ["no-such-command"],
        ["token"],
        ["token", "--email", OWNER, "--ttl", "0"],
        ["token", "--email", OWNER, "--no-such-option"],
        ["import"],
        ["export"],
        ["export", "not-a-uuid"],
        ["serve", "--port", "many"],
    ],
    ids=" ".join,
)
async def test_wrong_usage_exits_with_2(args: list[str]) -> None:
    assert_explained(await run(*args), code=2)


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "database-url", "token"])
async def test_help_is_a_result(command: str) -> None:
    outcome = await run(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert "--database-url" in outcome.out


@pytest.mark.parametrize(
    "command",
    [["serve", "--port", "0"], ["worker"], ["migrate"], ["token", "--email", OWNER],
     ["export", str(UUID(int=1))]],
    ids=lambda command: command[0],
)  # fmt: skip
async def test_a_database_that_is_away_is_explained(tmp_path: Path, command: list[str]) -> None:
    nowhere = Installation("postgresql://nobody@127.0.0.1:1/none", tmp_path / "data")
    assert_explained(await nowhere.run(*command), "PostgreSQL")


async def test_a_database_without_tables_is_explained(
    empty_database_url: str, tmp_path: Path
) -> None:
    empty = Installation(empty_database_url, tmp_path / "data")
    assert_explained(await empty.run("token", "--email", OWNER), "pipeloom migrate")
    migrated = await empty.run("migrate")
    assert (migrated.code, migrated.out.splitlines()[0]) == (0, "0001_first")
    again = await empty.run("migrate")
    assert (again.code, again.out) == (0, "")
    assert_explained(await empty.run("token", "--email", OWNER), OWNER)


async def test_database_url_is_the_one_in_use(demo: Installation) -> None:
    assert await demo.result("database-url") == demo.database_url


async def test_several_files_at_once_beside_a_running_server(
    shared_installation: Installation, shared_server: Server, tmp_path: Path
) -> None:
    files = [a_file(tmp_path, f"{n}.yaml", GOOD.format(name=f"number {n}")) for n in range(3)]
    ids = (await shared_installation.result("import", *files, "--as", OWNER)).splitlines()
    assert len({UUID(pipeline_id) for pipeline_id in ids}) == 3
    for number, pipeline_id in enumerate(ids):
        exported = parse(await shared_installation.result("export", pipeline_id))
        assert exported == parse(GOOD.format(name=f"number {number}"))
    token = await shared_installation.token()
    async with joined(shared_server.room(ids[2], token)) as editor:
        assert [step["name"] for step in editor.steps.values()] == ["ask"]


async def test_a_file_of_version_1_stays_one(
    shared_installation: Installation, shared_server: Server, tmp_path: Path
) -> None:
    pipeline_id = await shared_installation.result("import", a_file(tmp_path, "v1.yaml", OF_V1))
    assert parse(await shared_installation.result("export", pipeline_id)) == parse(OF_V1)
    types = await eventually("its steps", lambda: step_types(shared_installation, pipeline_id))
    async with shared_installation.sql() as sql:
        version = await sql.fetchval(
            "SELECT yaml_version FROM pipelines WHERE id = $1", UUID(pipeline_id)
        )
    assert (version, types) == ("v1", ["gemini", "claude", "parallel_claude"])


async def step_types(installation: Installation, pipeline_id: str) -> list[str]:
    query = "SELECT type FROM steps WHERE pipeline_id = $1 ORDER BY order_index"
    async with installation.sql() as sql:
        return [row["type"] for row in await sql.fetch(query, UUID(pipeline_id))]


@pytest.mark.parametrize(
    ("content", "place"), [(BAD_YAML, "line 5, column 1"), (NO_PIPELINE, "workflow")]
)
async def test_a_file_that_is_no_pipeline_is_refused_and_not_stored(
    demo: Installation, tmp_path: Path, content: str, place: str
) -> None:
    before = await count_pipelines(demo)
    outcome = await demo.run("import", a_file(tmp_path, "bad.yaml", content))
    assert_explained(outcome, "bad.yaml", place)
    assert await count_pipelines(demo) == before


async def test_what_cannot_be_imported_is_named(demo: Installation, tmp_path: Path) -> None:
    good = a_file(tmp_path, "good.yaml", GOOD.format(name="good"))
    absent = await demo.run("import", str(tmp_path / "absent.yaml"))
    assert_explained(absent, "absent.yaml")
    assert absent.err.count("absent.yaml") == 1
    assert_explained(await demo.run("import", str(tmp_path)), str(tmp_path))
    assert_explained(await demo.run("import", good, "--team", "nobody"), "nobody")
    assert_explained(await demo.run("import", good, "--as", "no@body"), "no@body")
    assert await count_pipelines(demo) == 1


async def test_nothing_is_imported_into_a_team_that_stores_as_much_as_it_may(
    demo: Installation, tmp_path: Path
) -> None:
    files = [a_file(tmp_path, f"{each}.yaml", GOOD.format(name=each)) for each in "abc"]
    limit = {"PIPELOOM_MAX_BYTES_PER_TEAM": "1024"}
    full = replace(demo, environment={**demo.environment, **limit})
    before = await count_pipelines(demo)
    outcome = await full.run("import", *files)
    assert outcome.code == 1
    assert "PIPELOOM_MAX_BYTES_PER_TEAM" in outcome.err.splitlines()[-1]
    assert len(outcome.out.splitlines()) == await count_pipelines(demo) - before < 3


async def test_a_team_that_is_called_demo_too_is_not_taken_for_the_demo(
    demo: Installation, tmp_path: Path
) -> None:
    good = a_file(tmp_path, "good.yaml", GOOD.format(name="good"))
    async with demo.sql() as sql:
        await sql.execute("UPDATE teams SET slug = 'kept' WHERE slug = 'demo'")
        await sql.execute(
            "WITH mills AS (INSERT INTO organizations (name, slug) VALUES ('Mills', 'mills')"
            " RETURNING id) INSERT INTO teams (organization_id, name, slug)"
            " SELECT id, 'Demo', 'demo' FROM mills"
        )
    assert_explained(await demo.run("import", good), "demo/demo")
    assert await demo.result("import", good, "--team", "mills/demo")


async def test_one_bad_file_among_good_ones_exits_with_1(
    demo: Installation, tmp_path: Path
) -> None:
    files = [
        a_file(tmp_path, "one.yaml", GOOD.format(name="one")),
        a_file(tmp_path, "two.yaml", BAD_YAML),
        a_file(tmp_path, "three.yaml", GOOD.format(name="three")),
    ]
    outcome = await demo.run("import", *files)
    assert outcome.code == 1
    assert "two.yaml" in outcome.err
    assert "Traceback" not in outcome.err
    assert len(outcome.out.splitlines()) == await count_pipelines(demo) - 1


async def test_damage_is_found_shown_and_accepted(demo: Installation) -> None:
    sound = await demo.run("check")
    assert (sound.code, sound.out) == (0, "")
    assert "1 documents checked, 0 faults found" in sound.err
    pipeline_id = await demo.demo_pipeline()
    async with demo.sql() as sql:
        await sql.execute("UPDATE pipeline_documents SET head_seq = head_seq + 1")
    found = await demo.run("check")
    (line,) = found.out.splitlines()
    assert found.code == 1
    assert line.startswith(f"{pipeline_id}: updates_lost: update")
    assert f"pipeloom repair {pipeline_id} --accept-loss" in line
    assert line.endswith(await demo.result("repair", pipeline_id))
    still = await demo.run("repair", pipeline_id, "--rows-restored")
    assert (still.code, "there is still damage: update" in still.err) == (1, True)
    assert (await demo.run("check")).code == 1
    await demo.result("repair", pipeline_id, "--accept-loss")
    assert "updates_covered" in (await demo.run("check")).out
    assert (await demo.run("repair", pipeline_id, "--drop-state", "--accept-loss")).code == 2
    assert_explained(await demo.run("repair", str(UUID(int=404))), "pipeline")


async def test_the_audit_log_is_printed(demo: Installation, tmp_path: Path) -> None:
    file = a_file(tmp_path, "one.yaml", GOOD.format(name="one"))
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    pipeline_id = await demo.result("import", file, "--as", OWNER)
    lines = (await demo.result("audit", "--team", "demo/demo")).splitlines()
    assert "server - team.created demo/demo" in lines[0]
    assert lines[-1].endswith(f"command {OWNER} pipeline.created demo/demo {pipeline_id} one")
    (newest,) = (await demo.result("audit", "--json", "--since", began)).splitlines()
    entry = json.loads(newest)
    assert (entry["subject_id"], entry["actor"]) == (pipeline_id, OWNER)
    assert entry["after"]["name"] == "one"
    by_id = await demo.result("audit", "--team", entry["team_id"])
    assert by_id.splitlines() == lines
    assert_explained(await demo.run("audit", "--team", "demo/none"), "demo/none")


async def test_a_deleted_team_or_pipeline_is_listed_and_brought_back(demo: Installation) -> None:
    pipeline_id = await demo.demo_pipeline()
    assert await demo.result("undelete") == ""
    async with demo.sql() as sql:
        await sql.execute("UPDATE pipelines SET deleted_at = now()")
    (line,) = (await demo.result("undelete")).splitlines()
    assert f" pipeline {pipeline_id} demo/demo - " in line
    await demo.result("undelete", pipeline_id)
    async with demo.sql() as sql:
        await sql.execute(
            "UPDATE teams SET deleted_at = now(), deleted_by = (SELECT id FROM users "
            "WHERE email = $1)",
            OWNER,
        )
    (line,) = (await demo.result("undelete")).splitlines()
    assert line.endswith(f" demo/demo {OWNER} Demo")
    assert_explained(await demo.run("undelete", pipeline_id), pipeline_id, "pipeloom undelete")
    async with demo.sql() as sql:
        await sql.execute(
            "INSERT INTO teams (organization_id, name, slug) "
            "SELECT organization_id, 'New', 'demo' FROM teams"
        )
        assert_explained(await demo.run("undelete", "demo/demo"), "another slug first")
        await sql.execute("DELETE FROM teams WHERE name = 'New'")
    outcome = await demo.run("undelete", "demo/demo")
    assert (outcome.code, outcome.out) == (0, "")
    assert await demo.result("undelete") == ""
    newest = (await demo.result("audit")).splitlines()[-1]
    assert "command - team.restored demo/demo" in newest


async def test_exporting_what_is_not_there_is_explained(demo: Installation) -> None:
    assert_explained(await demo.run("export", str(UUID(int=404))), "pipeline")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
async def test_results_are_utf_8_whatever_the_locale(
    demo: Installation, tmp_path: Path, encoding: str
) -> None:
    pipeline_id = await demo.result("import", a_file(tmp_path, "ž.yaml", GOOD.format(name="ž 🚀")))
    # The real program: a fork has the streams of the process that it came from.
    command = [*PIPELOOM, "export", pipeline_id, *demo.places]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, env=environment, check=True
    )
    assert parse(done.stdout.decode())["workflow"]["name"] == "ž 🚀"


@pytest.mark.timed
async def test_the_second_start_is_fast_and_has_the_data_of_the_first(
    installation: Installation, tmp_path: Path
) -> None:
    kept = str(uuid4())
    async with installation.serve() as server:
        file = a_file(tmp_path, "kept.yaml", GOOD.format(name="kept"))
        pipeline_id = await installation.result("import", file)
        token = await installation.token()
        async with joined(server.room(pipeline_id, token)) as editor:
            await editor.edit(lambda _: editor.steps.update({kept: Map({"name": "kept"})}))
            await editor.until_echoed()
        await server.program.end()
    started = time.monotonic()
    async with replace(installation, starts_anew=True).serve() as server:
        assert time.monotonic() - started < 5
        async with joined(server.room(pipeline_id, token)) as editor:
            assert kept in editor.steps
    assert await count_pipelines(installation) == 2


@pytest.mark.parametrize("number", some([signal.SIGTERM, signal.SIGINT], few=1))
async def test_a_drained_server_has_committed_what_it_received(
    installation: Installation, number: signal.Signals
) -> None:
    token, known = "", set[str]()
    async with installation.serve() as server, AsyncExitStack() as stack:
        token = await installation.token()
        room = server.room(await installation.demo_pipeline(), token)
        editors = [await stack.enter_async_context(joined(room)) for _ in range(3)]
        async with asyncio.TaskGroup() as group:
            writing = [group.create_task(write(editor)) for editor in editors]
            await eventually("a hundred steps", lambda: has_steps(editors[0], 100))
            started = time.monotonic()
            assert await server.program.end(number) == 0
            assert time.monotonic() - started < 10
        for editor, written in zip(editors, writing, strict=True):
            assert (await editor.close_code())[0] == 1012
            # What others were shown is as good as acknowledged when a server leaves in order.
            known |= set(editor.steps.keys()) - unacknowledged(editor, written.result())
    async with installation.serve() as server:
        room = server.room(await installation.demo_pipeline(), token)
        async with joined(room) as auditor:
            assert known <= set(auditor.steps.keys())


async def write(editor: Editor) -> dict[bytes, str]:
    """Edit until the server sends everybody away; return the new step of every update."""
    written: dict[bytes, str] = {}
    while editor.is_open:
        key = str(uuid4())
        written[await add_step(editor, key)] = key
        await asyncio.sleep(0)
    return written


async def add_step(editor: Editor, key: str) -> bytes:
    return await editor.edit(lambda _: editor.steps.update({key: {"name": key}}))


async def has_steps(editor: Editor, count: int) -> bool:
    return len(editor.steps) >= count


def unacknowledged(editor: Editor, written: dict[bytes, str]) -> set[str]:
    return {written[update] for update in editor.unechoed}


async def test_a_worker_ends_in_order_with_the_tables_up_to_date(
    installation: Installation,
) -> None:
    anew = replace(installation, starts_anew=True)
    async with installation.serve("--no-worker") as server:
        room = server.room(await installation.demo_pipeline(), await installation.token())
        async with joined(room) as editor, anew.background("worker") as worker:
            await editor.edit(lambda _: editor.steps.update({str(UUID(int=7)): {"name": "seven"}}))
            await editor.until_echoed()
            async with installation.sql() as sql:
                await eventually(
                    "a projected step",
                    lambda: sql.fetchval("SELECT true FROM steps WHERE name = 'seven'"),
                )
            assert await worker.end() == 0


async def test_a_taken_port_is_explained(
    shared_installation: Installation, shared_server: Server
) -> None:
    outcome = await shared_installation.run("serve", "--port", str(shared_server.port))
    assert_explained(outcome, str(shared_server.port), "in use", "--port")


@pytest.mark.parametrize(
    "command",
    [["token", "--email", OWNER], ["import", "a.yaml"], ["export", str(UUID(int=1))], ["migrate"],
     ["database-url"]],
    ids=lambda command: command[0],
)  # fmt: skip
async def test_no_installation_is_made_by_the_way(tmp_path: Path, command: list[str]) -> None:
    nowhere = tmp_path / "not here"
    outcome = await run(*command, "--data-dir", str(nowhere))
    assert_explained(outcome, str(nowhere), "pipeloom serve", "--data-dir", "--database-url")
    assert not nowhere.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
async def test_a_generated_secret_is_not_shown_to_the_world(
    installation: Installation, host: str
) -> None:
    outcome = await installation.run("serve", "--port", "0", "--host", host)
    assert_explained(outcome, "PIPELOOM_JWT_SECRET")


async def test_a_chosen_secret_may_be(installation: Installation) -> None:
    chosen = Installation(
        installation.database_url,
        installation.data_dir,
        {"PIPELOOM_JWT_SECRET": "chosen by the operator of this server"},
    )
    async with chosen.serve("--host", "0.0.0.0") as server:
        assert await joins(server, chosen)


async def joins(server: Server, installation: Installation) -> bool:
    room = server.room(await installation.demo_pipeline(), await installation.token())
    async with joined(room) as editor:
        return editor.synced


async def test_the_generated_secret_is_for_its_owner_only(demo: Installation) -> None:
    await demo.result("token", "--email", VIEWER)
    secrets = [path for path in demo.data_dir.iterdir() if "secret" in path.name]
    assert len(secrets) == 1
    assert stat.S_IMODE(os.stat(secrets[0]).st_mode) == 0o600
