"""`pipeloom doctor` says in one page what somebody who helps would ask, and no secret."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.commands.report import Report, size
from tests.editor import joined
from tests.server import Installation

SECRETS = {
    "PIPELOOM_JWT_SECRET": "a-secret-of-more-than-thirty-two-bytes-hush",
    "PIPELOOM_METRICS_TOKEN": "hush-hush-metrics",
}


async def page(installation: Installation, *args: str) -> tuple[int, dict[str, Any]]:
    outcome = await installation.run("doctor", "--json", *args)
    return outcome.code, json.loads(outcome.out)


async def test_a_sound_installation_has_no_problems(installation: Installation) -> None:
    sound = replace(installation, environment={**SECRETS, "PIPELOOM_OUTBOX_BYTES": "1000000"})
    async with sound.serve() as server:
        room = server.room(await sound.demo_pipeline(), await sound.token())
        async with joined(room):
            code, found = await page(sound, "--url", server.url)
        text = await sound.run("doctor", "--url", server.url)
    assert (code, found["problems"]) == (0, [])
    sections = found["sections"]
    assert sections["program"]["pycrdt"]
    assert sections["settings that differ"]["PIPELOOM_OUTBOX_BYTES"] == "1000000"
    assert sections["settings that differ"]["PIPELOOM_JWT_SECRET"] == "(set)"
    assert sections["database"]["reachable"] == "yes"
    assert sections["database"]["latency"].endswith(" ms")
    assert " of " in sections["database"]["connections"]
    assert sections["documents"]["count"] == "1"
    assert sections["documents"][f"big {await sound.demo_pipeline()}"]
    assert sections["server"] == {"ready": "yes", "connections": "1", "rooms": "1", "bus_up": "1"}
    assert text.code == 0
    assert "  pycrdt" in text.out
    for secret in SECRETS.values():
        assert secret not in json.dumps(found) + text.out + text.err


async def test_what_is_wrong_is_marked_and_fails(installation: Installation) -> None:
    wrong = replace(
        installation,
        database_url="postgresql://me:hush@127.0.0.1:1/none",
        environment={"REDIS_URL": "redis://:hush@127.0.0.1:1", "PIPELOOM_OUTBOX_BYTE": "1"},
    )
    code, found = await page(wrong, "--url", "http://127.0.0.1:1")
    assert code == 1
    problems = {(one["section"], one["name"]): one["problem"] for one in found["problems"]}
    assert "cannot connect" in problems["database", "reachable"]
    assert "PIPELOOM_OUTBOX_BYTES?" in problems["settings that differ", "PIPELOOM_OUTBOX_BYTE"]
    assert "away" in problems["bus", "reachable"]
    assert "cannot reach" in problems["server", "reachable"]
    assert "hush" not in json.dumps(found)


async def test_what_the_tables_lack_is_marked(installation: Installation) -> None:
    async with installation.serve("--no-worker") as server:
        await server.program.end()
    missing = await page(replace(installation, data_dir=Path("none")))
    assert missing[0] == 0
    async with installation.sql() as sql:
        await sql.execute(
            "UPDATE projection_cursors SET seq = 0;"
            "UPDATE pipeline_updates SET received_at = now() - interval '10 minutes'"
        )
        code, late = await page(installation)
        assert code == 1
        pipeline_id = await installation.demo_pipeline()
        names = {one["name"] for one in late["problems"]}
        assert names == {"tables behind by", f"late {pipeline_id}"}
        await sql.execute("DELETE FROM schema_migrations WHERE name = '0001_first'")
        code, outdated = await page(installation)
    assert (code, [one["name"] for one in outdated["problems"]]) == (1, ["schema"])


def test_a_page_for_people_marks_what_is_wrong() -> None:
    report = Report()
    report.add("one", "name", 5)
    report.add("two", "other", "no", "mend it")
    first, second, _, fourth, fifth, sixth = report.text().splitlines()
    assert (first, second.split(), fourth) == ("one", ["name", "5"], "two")
    assert (fifth.split(), sixth.strip()) == (["!", "other", "no"], "mend it")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (5 * 1024**4, "5.0 TiB")]
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size(count) == text
