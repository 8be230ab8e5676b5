from importlib import resources
from uuid import UUID

import pytest
from ruamel.yaml import YAML

from app.services.demo import connection_help, create_demo
from app.services.pipeline_files import export, read_file
from crdt.document.schema import PipelineReader
from crdt.validation.meaning import Meaning
from crdt.validation.reading import read_valid
from persistence.memory.stores import MemoryStore
from persistence.ports.directory import DEMO_OWNER, DEMO_VIEWER
from persistence.worker.replay import replay
from tests.contracts.stores import NOON, an_id


async def role(store: MemoryStore, user_id: UUID, pipeline_id: UUID) -> str | None:
    member = await store.member(user_id, pipeline_id)
    return None if member is None else member.role


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_the_demo_has_one_who_writes_and_one_who_watches(store: MemoryStore) -> None:
    pipeline_id = await create_demo(store, NOON)
    owner, viewer = [await store.user_by_email(email) for email in (DEMO_OWNER, DEMO_VIEWER)]
    assert await role(store, owner.id, pipeline_id) == "owner"
    assert await role(store, viewer.id, pipeline_id) == "viewer"


async def test_the_demo_pipeline_has_something_to_look_at_and_two_problems(
    store: MemoryStore,
) -> None:
    pipeline_id = await create_demo(store, NOON)
    document, _ = replay(await store.load(pipeline_id))
    rows = read_valid(PipelineReader(document), Meaning()).rows()
    found = {(each.code, each.severity) for each in rows.diagnostics.values()}
    assert found == {("dangling_reference", "error"), ("dangling_reference", "warning")}
    types = {row.type for row in rows.steps.values()}
    assert {"switch", "for_loop", "pipeline"} < types
    assert len(rows.steps) <= 17
    assert any(row.parent_step_id for row in rows.steps.values())
    assert rows.connections


async def test_the_demo_file_has_its_problems_and_survives_the_round_trip(
    store: MemoryStore,
) -> None:
    content = resources.files("app").joinpath("demo.yaml").read_bytes()
    problems = [each.message for each in read_file(content, "demo").diagnostics]
    assert [("clasify_change" in each, "rank_finding'" in each) for each in problems] == [
        (True, False),
        (False, True),
    ]
    exported = await export(store, await create_demo(store, NOON))
    yaml = YAML(typ="safe")
    assert yaml.load(exported.text) == yaml.load(content)


def test_the_greeting_tells_how_to_connect() -> None:
    text = connection_help(an_id(1), command="/srv/bin/pipeloom token --email")
    assert f"ws://{{address}}/ws/{an_id(1)}?token=" in text
    assert f"/srv/bin/pipeloom token --email {DEMO_OWNER}\n" in text


def test_the_greeting_begins_with_a_link_that_shows_no_server_the_token() -> None:
    text = connection_help(an_id(1), "TOKEN")
    assert text.split()[:2] == ["open", f"http://{{address}}/pipelines/{an_id(1)}#token=TOKEN"]
    assert "#" not in connection_help(an_id(1))


def test_the_greeting_of_an_installation_without_a_demo_tells_how_to_get_a_token() -> None:
    assert "pipeloom token --email" in connection_help(None)


def test_the_greeting_sends_people_to_the_issuer_if_there_is_one() -> None:
    text = connection_help(None, makes_tokens=False)
    assert "issuer" in text
    assert "token --email" not in text


@pytest.mark.parametrize("demo", [an_id(1), None])
def test_the_greeting_names_the_variables_that_a_token_needs(demo: UUID | None) -> None:
    assert "with the same" not in connection_help(demo)
    assert "(with the same DATABASE_URL)" in connection_help(demo, needs="DATABASE_URL")
