"""What is done with a large pipeline is computed in other processes, and answered as for others."""

from functools import partial
from typing import Any

import httpx
import pytest

from app.compute_processes import ComputeProcesses
from tests.app.api.house import Team, a_pipeline, all_items, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

KIND = {"content-type": "application/yaml"}


def file_of(word: str, steps: int = 12) -> str:
    """A file of some 90 KB."""
    listed = "".join(
        f"    - name: s{n}\n      type: claude\n"
        f"      prompt: say {word} {'so ' * 2500}to {{{{steps.s0.output}}}} {n}\n"
        for n in range(steps)
    )
    return f"workflow:\n  name: large\n  steps:\n{listed}"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that run in processes."""
    names: list[str] = []
    run = ComputeProcesses._run

    async def watched(self: ComputeProcesses, task: "partial[Any]") -> Any:
        names.append(getattr(task.func, "func", task.func).__name__)
        return await run(self, task)

    monkeypatch.setattr(ComputeProcesses, "_run", watched)
    return names


async def test_a_large_file_is_imported_put_restored_forked_and_exported(
    team: Team, computed: list[str]
) -> None:
    user = team.member
    path = await a_pipeline(team, yaml=file_of("hello"))
    ids = {each["name"]: each["id"] for each in await all_items(user, f"{path}/steps", 50)}
    version = (await user.post(f"{path}/versions", {"name": "hello"})).json()["version_number"]
    put = partial(user.ask, "PUT", f"{path}/yaml", content=file_of("bye", 11))
    refusal = await put(headers={**KIND, "if-match": '"another"'})
    assert "say hello" in the_problem(refusal, 412)["current"]
    answer = await put(headers={**KIND, "if-match": refusal.headers["etag"]})
    assert (answer.status_code, answer.json()["steps"]) == (200, 11)
    exported = await user.get(f"{path}/yaml")
    assert exported.headers["etag"] == answer.headers["etag"]
    assert exported.text.count("say bye") == 11
    diff = (await user.get(f"{path}/versions/diff?from={version}")).json()
    assert len(diff["steps"]) == 12
    whole = (await user.get(f"{path}/versions/{version}")).json()
    assert {each["id"] for each in whole["steps"]} == set(ids.values())
    assert (whole["version_number"], whole["pipeline"]["name"]) == (version, "large")
    restored = await user.post(f"{path}/versions/{version}/restore")
    assert restored.status_code == 200
    forked = await user.post(f"{path}/fork", {"name": "fork"})
    copy = await user.get(f"/pipelines/{forked.json()['id']}/yaml")
    assert copy.text.count("say hello") == 12
    after = {each["name"]: each["id"] for each in await all_items(user, f"{path}/steps", 50)}
    assert after == ids
    assert {
        "content_of",
        "seed_of_packed",
        "_edit_copy",
        "seed_of_copy",
        "_tagged_text",
        "_difference_from",
    } <= set(computed)


async def test_a_file_that_the_pipeline_holds_already_is_put_without_computing(
    team: Team, computed: list[str]
) -> None:
    user = team.member
    # Nothing in it is odd: so the worker has nothing to write into the document.
    parts = "prompt:\n        - type: static\n          content: say"
    clean = file_of("hello").replace("{{steps.s0.output}}", "you").replace("prompt: say", parts)
    path = await a_pipeline(team, yaml=clean)
    assert not await all_items(user, f"{path}/diagnostics", 9)
    exported = await user.get(f"{path}/yaml")

    async def put(text: str, **headers: str) -> tuple[httpx.Response, list[str]]:
        computed.clear()
        answer = await user.ask("PUT", f"{path}/yaml", content=text, headers={**KIND, **headers})
        return answer, list(computed)

    first, took = await put(exported.text)
    assert (took, first.headers["etag"]) == (["content_of"], exported.headers["etag"])
    again, took = await put(exported.text, **{"if-match": first.headers["etag"]})
    assert (took, again.json(), again.headers["etag"]) == (
        [],
        first.json(),
        first.headers["etag"],
    )
    refused, took = await put(exported.text, **{"if-match": '"another"'})
    assert the_problem(refused, 412)
    # With a comment it is another file, which is known as soon as it was put.
    commented = f"# mine\n{exported.text}"
    assert "_edit_copy" in (await put(commented))[1]
    assert (await put(commented))[1] == []
    step = (await all_items(user, f"{path}/steps", 50))[0]
    await user.patch(f"{path}/steps/{step['id']}", {"name": "renamed"})
    _, took = await put(commented)
    assert "_edit_copy" in took
    assert (await user.get(f"{path}/yaml")).text == exported.text


async def test_a_file_that_is_none_is_refused_with_the_place(
    team: Team, computed: list[str]
) -> None:
    path = await a_pipeline(team)
    text = f"{file_of('hello')}    - name: [\n"
    answer = await team.member.ask("PUT", f"{path}/yaml", content=text, headers=KIND)
    assert "line 41" in the_problem(answer, 422)["detail"]
    assert computed == ["content_of"]
