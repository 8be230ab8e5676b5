import pytest

from tests.app.api.house import House, Team, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

YAML = "workflow:\n  name: x\n  steps:\n    - name: a\n      type: cluade\n"


@pytest.mark.parametrize("kind", ["application/yaml", "text/yaml; charset=utf-8", "text/plain"])
async def test_a_file_is_read_and_nothing_is_stored(house: House, team: Team, kind: str) -> None:
    answer = await team.viewer.post("/validate", content=YAML, headers={"content-type": kind})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["name"], found["steps"], found["connections"]) == ("x", 1, 0)
    assert [(one["code"], one["line"]) for one in found["findings"]] == [("unknown-type", 5)]
    assert (await team.owner.read("/pipelines"))["items"] == []


async def test_what_does_not_parse_is_refused_with_its_place(team: Team) -> None:
    headers = {"content-type": "text/yaml"}
    answer = await team.viewer.post("/validate", content="a: [", headers=headers)
    (error,) = the_problem(answer, 422)["errors"]
    assert (error["path"], error["line"]) == ("yaml", 1)


@pytest.mark.parametrize("kind", ["application/json", "image/png", ""])
async def test_what_is_declared_as_no_yaml_is_not_read(team: Team, kind: str) -> None:
    headers = {"content-type": kind}
    the_problem(await team.viewer.post("/validate", content=b"{}", headers=headers), 415)


async def test_bytes_that_are_no_text_are_refused(team: Team) -> None:
    headers = {"content-type": "text/yaml"}
    the_problem(await team.viewer.post("/validate", content=b"\xff\xfe\x00", headers=headers), 422)


async def test_what_the_steps_of_a_file_mean_together_is_found_with_its_line(team: Team) -> None:
    content = """workflow:
  name: x
  steps:
    - name: a
      type: claude
      prompt: [{type: previous_response, step: b}]
    - name: b
      type: claude
      prompt: [{type: previous_response, step: a}]
"""
    answer = await team.viewer.post(
        "/validate", content=content, headers={"content-type": "text/yaml"}
    )
    (finding,) = answer.json()["findings"]
    assert (finding["code"], finding["severity"]) == ("data-cycle", "warning")
    assert finding["line"] in {4, 7}
