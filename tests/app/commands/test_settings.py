"""`pipeloom settings` lists everything that can be set, and shows no secret."""

import json

import pytest

from app.commands.settings import described
from app.settings import SECRET, Settings, variable
from tests.server import run


async def test_every_setting_is_listed_with_its_default() -> None:
    outcome = await run("settings", "--json")
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [one["name"] for one in lines] == [variable(name) for name in Settings.model_fields]
    found = {one["name"]: one for one in lines}
    assert found["PIPELOOM_PORT"]["default"] == "8000"
    assert found["PIPELOOM_DRAIN_TIMEOUT"] == {
        "name": "PIPELOOM_DRAIN_TIMEOUT",
        "default": "8.0",
        "unit": "seconds",
        "meaning": "How long stopping may take.",
        "value": "-",
    }


async def test_what_is_set_is_shown_and_secrets_are_not() -> None:
    secrets = {
        "PIPELOOM_JWT_SECRET": "hush" * 9,
        "DATABASE_URL": "postgresql://me:hush@db/x",
        "PIPELOOM_METRICS_TOKEN": "hush",
    }
    outcome = await run("settings", environment={**secrets, "PIPELOOM_PORT": "8123"})
    assert outcome.code == 0
    lines = {line.split()[0]: line for line in outcome.out.splitlines()}
    assert lines["PIPELOOM_PORT"].endswith("[8123]")
    assert all(lines[name].endswith("[(set)]") for name in secrets)
    assert "hush" not in outcome.out


async def test_what_cannot_be_is_explained() -> None:
    outcome = await run("settings", environment={"PIPELOOM_PORT": "many"})
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("pipeloom: setting PIPELOOM_PORT: expected a valid integer")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_does_and_in_which_unit(name: str) -> None:
    meaning, unit = described()[name]
    assert meaning.endswith(".")
    units = {
        "_bytes": "bytes",
        "_characters": "characters",
        "_days": "days",
        "_seconds": "seconds",
        "_per_second": "per second",
        "_window": "seconds",
    }
    assert unit == next((unit for end, unit in units.items() if name.endswith(end)), unit)
    assert name not in SECRET or unit == ""
