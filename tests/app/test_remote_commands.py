"""Commands with `--url`, over HTTP: what they do to a server, and what they say of its refusals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from tests.crdt.through_javascript import parse
from tests.server import OWNER, VIEWER, Installation, Outcome, Server, run

GOOD = "workflow:\n  name: {name}\n  steps:\n    - name: {step}\n      type: claude\n"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Distant:
    """A server, as somebody sees it who has a URL and a token."""

    url: str
    token: str

    async def run(self, command: str, *args: str) -> Outcome:
        return await run(command, *args, "--url", self.url, "--token", self.token)

    async def result(self, command: str, *args: str) -> str:
        outcome = await self.run(command, *args)
        assert outcome.code == 0, outcome
        return outcome.out.strip()


@pytest.fixture
async def distant(shared_installation: Installation, shared_server: Server) -> Distant:
    return Distant(shared_server.http(""), await shared_installation.token(OWNER))


def a_file(folder: Path, file: str, name: str, step: str = "ask") -> str:
    path = folder / file
    path.write_text(GOOD.format(name=name, step=step))
    return str(path)


def assert_explained(outcome: Outcome, *words: str, code: int = 1) -> None:
    assert (outcome.code, outcome.out) == (code, ""), outcome
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err, outcome.err


async def test_a_file_goes_there_and_comes_back(distant: Distant, tmp_path: Path) -> None:
    pipeline_id = await distant.result("import", a_file(tmp_path, "a.yaml", "there"))
    assert str(UUID(pipeline_id)) == pipeline_id
    exported = parse(await distant.result("export", pipeline_id))
    assert exported == parse(GOOD.format(name="there", step="ask"))
    before = await run("--url", distant.url, "--token", distant.token, "export", pipeline_id)
    assert (before.code, parse(before.out)) == (0, exported)


async def test_the_environment_may_name_the_server(distant: Distant) -> None:
    environment = {"PIPELOOM_URL": distant.url, "PIPELOOM_TOKEN": distant.token}
    assert (await run("list", environment=environment)).code == 0


async def test_a_bad_file_does_not_keep_the_others_out(distant: Distant, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("workflow: [")
    good = [a_file(tmp_path, f"{n}.yaml", f"good {n}") for n in range(2)]
    outcome = await distant.run("import", "--json", good[0], str(bad), good[1])
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert (outcome.code, [one["file"] for one in lines]) == (1, good)
    assert outcome.err.splitlines()[-1] == f"pipeloom: 1 of 3 files failed: {bad}"
    assert "[1/3]" not in outcome.err


async def test_lists_and_searches_print_the_same_from_afar(
    shared_installation: Installation, distant: Distant, tmp_path: Path
) -> None:
    made = await distant.result("import", a_file(tmp_path, "g.yaml", "genesis of all"))
    for command in (["list"], ["list", "--json", "--limit", "1"], ["search", "gene"]):
        near = await shared_installation.result(*command)
        assert near == await distant.result(*command)
        assert made in near.splitlines()[0]
    fields = (await distant.result("search", "gene", "--limit", "1")).split("\t")
    assert (fields[:3], fields[4]) == ([made, "demo/demo", "draft"], "genesis of all")
    assert await distant.result("search", "absent") == ""
    assert await distant.result("list", "--team", "demo") == await distant.result("list")
    assert_explained(await distant.run("list", "--team", "nobody"), "nobody")


async def test_what_is_deleted_is_gone(
    shared_installation: Installation, distant: Distant, tmp_path: Path
) -> None:
    files = [a_file(tmp_path, f"{n}.yaml", f"gone {n}") for n in range(2)]
    one, other = (await distant.result("import", *files)).splitlines()
    assert await distant.result("delete", one) == ""
    assert await shared_installation.result("delete", other) == ""
    assert "gone" not in await distant.result("list")
    assert_explained(await distant.run("delete", one, other), f"{one}: 404", f"{other}: 404")
    assert_explained(await shared_installation.run("delete", one), one)


async def test_a_viewer_is_refused_with_the_reason(
    shared_installation: Installation, distant: Distant, tmp_path: Path
) -> None:
    viewer = Distant(distant.url, await shared_installation.token(VIEWER))
    refused = await viewer.run("import", a_file(tmp_path, "v.yaml", "v"))
    assert_explained(refused, "403", "member")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "forged"}, ("401", "pipeloom token")),
        ({"url": "{url}/none"}, ("404", "nothing at /none/api")),
        ({"url": "http://127.0.0.1:1"}, ("cannot reach", "refused")),
        ({"url": "file:///etc/passwd"}, ("https://HOST",)),
    ],
    ids=lambda one: str(one)[:30],
)
async def test_what_is_wrong_is_said(
    distant: Distant, changes: Mapping[str, str], words: tuple[str, ...]
) -> None:
    url = changes.get("url", "{url}").format(url=distant.url)
    wrong = Distant(url, changes.get("token", distant.token))
    outcome = await wrong.run("list")
    assert_explained(outcome, *words)
    assert len(outcome.err.splitlines()) == 1
    assert distant.token not in outcome.err


@pytest.mark.parametrize(
    "args",
    [
        ["list", "--url", "http://x"],
        ["list", "--url", "http://x", "--token", "y", "--database-url", "z"],
        ["--url", "http://x", "--token", "y", "migrate"],
        ["import", "a.yaml", "b.yaml", "--id", str(UUID(int=1))],
        ["import", "a.yaml", "--url", "http://x", "--token", "y", "--as", OWNER],
        ["search"],
    ],
    ids=" ".join,
)
async def test_wrong_usage_exits_with_2(args: list[str]) -> None:
    assert_explained(await run(*args), code=2)


async def test_files_are_checked_without_a_server(tmp_path: Path) -> None:
    good = a_file(tmp_path, "good.yaml", "good")
    (tmp_path / "odd.yaml").write_text(
        GOOD.format(name="odd", step="x").replace("claude", "cluade")
    )
    outcome = await run("validate", good, str(tmp_path / "odd.yaml"))
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, f"{good}: 1 steps, 1 findings")
    assert "odd.yaml:5:" in outcome.err
    assert_explained(await run("validate", str(tmp_path / "absent.yaml")), "absent.yaml")
    piped = await run("validate", "-", piped=GOOD.format(name="piped", step="x").encode())
    assert (piped.code, piped.out) == (0, "standard input: 1 steps, 1 findings\n")
    assert piped.err.startswith("standard input:4:")
    assert_explained(await run("validate", "-"), "standard input: expected a pipeline")


async def test_no_more_is_read_of_a_file_than_a_file_may_have() -> None:
    assert_explained(await run("validate", "/dev/zero"), "/dev/zero: expected at most", "got more")
