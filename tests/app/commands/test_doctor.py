"""`pipeloom doctor` says in one page what somebody who helps would ask, and no secret."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

import sql
from app.commands import doctor, doctor_logs, doctor_shapes
from app.commands.report import Report, size
from app.settings import Settings
from tests.app.shapes.mock_electric import Row, a_mock
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
    assert sections["logs"]["looked at"].startswith("1 documents; ")
    assert "owner of the tables" in sections["database"]["role"]
    assert "pipeloom_api" in sections["database"]["role"]
    assert sections["database"]["pools"].startswith("32 at most")
    migrations = len(sql.migrations())
    assert sections["database"]["migrations"].startswith(f"{migrations}, the last at 20")
    assert "look at its machine" in sections["disk"]["of PostgreSQL"]
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
    async with installation.sql() as connected:
        await connected.execute(
            "UPDATE projection_cursors SET seq = 0;"
            "UPDATE pipeline_updates SET received_at = now() - interval '10 minutes'"
        )
        code, late = await page(installation)
        assert code == 1
        pipeline_id = await installation.demo_pipeline()
        names = {one["name"] for one in late["problems"]}
        assert names == {"tables behind by", f"late {pipeline_id}"}
        await connected.execute("DELETE FROM schema_migrations WHERE name = '0001_first'")
        code, outdated = await page(installation)
    assert (code, [one["name"] for one in outdated["problems"]]) == (1, ["schema"])


async def test_damage_in_logs_is_marked_with_its_remedy(installation: Installation) -> None:
    async with installation.serve() as server:
        pipeline_id = await installation.demo_pipeline()
        async with joined(server.room(pipeline_id, await installation.token())) as editor:
            for number in range(3):
                await editor.edit(lambda _, number=number: editor.notes.update({"n": number}))  # type: ignore[misc]
                await editor.until_echoed()
    async with installation.sql() as connected:
        await connected.execute("DELETE FROM pipeline_states")
        await connected.execute("DELETE FROM pipeline_updates WHERE seq = 2")
    code, found = await page(installation)
    problems = {one["name"]: one["problem"] for one in found["problems"]}
    assert (code, [*problems]) == (1, [f"updates_lost {pipeline_id}"])
    assert "--rows-restored" in problems[f"updates_lost {pipeline_id}"]


async def test_the_logs_are_looked_at_for_so_long_at_most(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.serve("--no-worker"):
        pass
    hurried, bounded = Report(), Report()
    await doctor_logs.add_logs(hurried, installation.database_url, seconds=-1.0)
    assert hurried.findings[0].value.startswith("0 documents, 1 not, for lack of time")
    monkeypatch.setattr(doctor_logs, "LARGEST_BYTES", 1)
    await doctor_logs.add_logs(bounded, installation.database_url)
    assert bounded.findings[0].value.startswith("0 documents, 1 not, larger than 1 B")


async def test_pools_that_the_database_has_not_enough_for_are_marked(
    installation: Installation,
) -> None:
    large = replace(installation, environment={"PIPELOOM_POOL_LOG": "500"})
    code, found = await page(large)
    assert (code, [one["name"] for one in found["problems"]]) == (1, ["pools"])


async def test_a_role_that_may_not_serve_is_told_what_it_lacks(installation: Installation) -> None:
    name = f"lesser_{uuid4().hex}"
    async with installation.sql() as connected:
        await connected.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        parts = urlsplit(installation.database_url)
        url = parts._replace(netloc=f"{name}:x@{parts.netloc.rpartition('@')[2]}").geturl()
        try:
            code, found = await page(replace(installation, database_url=url))
        finally:
            await connected.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    problems = {one["name"]: one["problem"] for one in found["problems"]}
    assert code == 1
    assert problems["role"].startswith(f"it may not serve: `pipeloom servers grant {name}`")


async def test_the_latency_of_the_bus_is_measured(
    installation: Installation, redis_url: str
) -> None:
    code, found = await page(replace(installation, environment={"REDIS_URL": redis_url}))
    assert (code, found["sections"]["bus"]["kind"]) == (0, "redis")
    assert found["sections"]["bus"]["latency"].endswith(" ms")


async def test_of_shapes_it_is_said_who_has_them(installation: Installation) -> None:
    code, found = await page(installation)
    assert (code, found["sections"]["shapes"]) == (0, {"made by": "the servers themselves"})
    assert found["sections"]["database"]["shapes"].startswith("nobody has them")
    async with installation.sql() as connected:
        await connected.execute(
            "INSERT INTO shape_lease (holder, address, expires_at)"
            "VALUES (gen_random_uuid(), '192.0.2.1:4001', now() + interval '1 hour')"
        )
        _, found = await page(installation)
    assert found["sections"]["database"]["shapes"] == "at 192.0.2.1:4001"


async def no_rows(_: Mapping[str, str]) -> list[Row]:
    return []


async def test_electric_is_asked_and_what_it_needs_is_marked(installation: Installation) -> None:
    secret = {"ELECTRIC_SECRET": "hush-hush-electric"}
    async with a_mock(no_rows) as mock:
        behind = replace(installation, environment={"ELECTRIC_URL": mock.address, **secret})
        code, found = await page(behind)
        assert found["sections"]["shapes"] == {
            "made by": f"Electric at {mock.address}",
            "ready": "yes",
        }
        problems = {one["name"]: one["problem"] for one in found["problems"]}
        assert (code, {*problems}) == (1, {"wal_level", "slot of Electric"})
        assert "Electric needs logical" in problems["wal_level"]
        assert "pipeloom electric setup" in problems["slot of Electric"]
        assert "hush" not in json.dumps(found)
        mock.is_starting = True
        _, found = await page(behind)
        assert (
            "still starting" in {one["name"]: one["problem"] for one in found["problems"]}["ready"]
        )


@pytest.mark.parametrize(("status", "problem"), [(404, "got 404"), (200, ""), (202, "starting")])
def test_who_answers_as_electric_does_not_is_marked(
    monkeypatch: pytest.MonkeyPatch, status: int, problem: str
) -> None:
    monkeypatch.setattr(doctor_shapes, "fetch", lambda url: (status, ""))
    report = Report()
    doctor_shapes.add_shapes(
        report, Settings(electric_url="http://127.0.0.1:1", electric_secret="x")
    )
    assert problem in report.findings[-1].problem
    assert bool(report.problems) == bool(problem)


def test_electric_that_cannot_be_reached_is_marked() -> None:
    report = Report()
    doctor_shapes.add_shapes(
        report, Settings(electric_url="http://127.0.0.1:1", electric_secret="x")
    )
    assert "clients get 503: cannot reach 127.0.0.1:1" in report.problems[0].problem


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


@pytest.mark.parametrize(("of_two", "said"), [((1, 1), "1"), ((1, 0), "0")])
def test_a_bus_of_several_processes_is_as_good_as_the_worst(
    monkeypatch: pytest.MonkeyPatch, of_two: tuple[int, int], said: str
) -> None:
    page = "".join(
        f'pipeloom_bus_up{{process="{number}"}} {up}.0\npipeloom_rooms{{process="{number}"}} 2.0\n'
        for number, up in enumerate(of_two)
    )
    monkeypatch.setattr(doctor, "fetch", lambda url, token=None: (200, page))
    report = Report()
    doctor._add_server(report, Settings(), "http://127.0.0.1:1")
    found = {one.name: one.value for one in report.findings}
    assert found == {"ready": "yes", "rooms": "4", "bus_up": said}
