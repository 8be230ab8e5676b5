"""Every plain field of a step goes the whole way: REST, document, tables, YAML, versions.

Whoever declares a new one in `crdt/pipeline/fields.py` gives an example of it here.
"""

from dataclasses import dataclass
from typing import Any, Final

import pytest

from crdt.pipeline.fields import PLAIN_OF_STEP
from tests.app.api.house import Team, a_pipeline, a_step, all_items, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Example:
    """A value that is not the default, one that is refused, and how the refusal ends."""

    value: Any
    refused: Any
    because: str
    yaml: str | None


EXAMPLES: Final = {
    "enabled": Example(False, "perhaps", "boolean", "enabled: false"),
}


async def test_every_plain_field_of_a_step_has_an_example() -> None:
    assert EXAMPLES.keys() == PLAIN_OF_STEP.keys()


@pytest.mark.parametrize("name", EXAMPLES)
async def test_it_is_created_read_and_changed_through_rest(team: Team, name: str) -> None:
    path = await a_pipeline(team)
    example, default = EXAMPLES[name], PLAIN_OF_STEP[name].default
    step = f"{path}/steps/{await a_step(team, path, 'a')}"
    assert (await team.viewer.read(step))[name] == default
    changed = the_json(await team.member.patch(step, {name: example.value}))
    assert changed[name] == (await team.viewer.read(step))[name] == example.value
    other = await a_step(team, path, "b", **{name: example.value})
    assert (await team.viewer.read(f"{path}/steps/{other}"))[name] == example.value


@pytest.mark.parametrize("name", EXAMPLES)
async def test_rest_refuses_another_kind_of_value_with_the_reason(team: Team, name: str) -> None:
    path = await a_pipeline(team)
    step = f"{path}/steps/{await a_step(team, path, 'a')}"
    problem = the_problem(await team.member.patch(step, {name: EXAMPLES[name].refused}), 422)
    [error] = problem["errors"]
    assert error["path"].endswith(name)
    assert EXAMPLES[name].because in error["detail"]


@pytest.mark.parametrize("name", EXAMPLES)
async def test_it_stands_in_yaml_only_where_it_is_not_the_default(team: Team, name: str) -> None:
    example = EXAMPLES[name]
    path = await a_pipeline(team)
    step = f"{path}/steps/{await a_step(team, path, 'a')}"
    plain = (await team.viewer.get(f"{path}/yaml")).text
    assert f"{PLAIN_OF_STEP[name].yaml_key}:" not in plain
    await team.member.patch(step, {name: example.value})
    text = (await team.viewer.get(f"{path}/yaml")).text
    assert example.yaml is None or example.yaml in text
    copy = await a_pipeline(team, yaml=text)
    [copied] = await all_items(team.viewer, f"{copy}/steps", 9)
    assert copied[name] == example.value
    assert (await team.viewer.get(f"{copy}/yaml")).text == text


@pytest.mark.parametrize("name", EXAMPLES)
async def test_versions_hold_it_tell_it_apart_and_bring_it_back(team: Team, name: str) -> None:
    example, default = EXAMPLES[name], PLAIN_OF_STEP[name].default
    path = await a_pipeline(team)
    step = f"{path}/steps/{await a_step(team, path, 'a', **{name: example.value})}"
    await team.member.made(f"{path}/versions", {"name": "one"})
    assert (await team.viewer.read(f"{path}/versions/1"))["steps"][0][name] == example.value
    await team.member.patch(step, {name: default})
    found = await team.viewer.read(f"{path}/versions/diff", params={"from": 1})
    [change] = found["steps"][0]["changes"]
    assert (change["path"], change["before"], change["after"]) == (
        f"/{name}",
        example.value,
        default,
    )
    assert (await team.member.post(f"{path}/versions/1/restore")).status_code == 200
    assert (await team.viewer.read(step))[name] == example.value
