from dataclasses import dataclass
from uuid import UUID

import pytest

import crdt.updates.spread
from app.services import pipeline_files
from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.errors import PipelineFileError, PipelineNotFound
from crdt.pipeline.model import Pipeline
from crdt.updates.format import read_structs
from persistence.errors import UnknownSubject
from persistence.memory.stores import MemoryStore
from persistence.ports.directory import User
from persistence.ports.update_log import NewUpdate
from persistence.worker.replay import replay
from tests.app.fakes import Replica
from tests.contracts.stores import NOON, an_id

FILE = b"""\
workflow:
  name: greet
  steps:
    - name: ask
      type: claude
      prompt: Say hello.
"""
NAMELESS = b"workflow:\n  steps: []\n"


@dataclass
class Shelf:
    """A store with a team and an author."""

    store: MemoryStore
    team_id: UUID
    author: User

    async def create(self, pipeline: Pipeline) -> UUID:
        pipeline_id, _ = await pipeline_files.create(
            self.store, pipeline, team_id=self.team_id, created_by=self.author.id, now=NOON
        )
        return pipeline_id


@pytest.fixture
async def shelf() -> Shelf:
    store = MemoryStore()
    organization = await store.create_organization("Looms", "looms")
    team_id = await store.create_team(organization, "Weavers", "weavers")
    return Shelf(store, team_id, await store.create_user("ada@example.org", "Ada"))


async def test_what_was_imported_is_exported(shelf: Shelf) -> None:
    pipeline_id = await shelf.create(pipeline_files.read_file(FILE, "ignored").pipeline)
    assert await pipeline_files.export(shelf.store, pipeline_id) == (FILE.decode(), "")


async def test_a_large_pipeline_has_several_client_ids(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crdt.updates.spread, "STRUCTS_OF_ONE", 5)
    pipeline_id = await shelf.create(pipeline_files.read_file(FILE, "ignored").pipeline)
    (first,) = (await shelf.store.load(pipeline_id)).tail
    assert max(len(found) for found in read_structs(first.payload).values()) == 5
    assert await pipeline_files.export(shelf.store, pipeline_id) == (FILE.decode(), "")


async def test_a_new_pipeline_has_one_update_in_its_author_s_name(shelf: Shelf) -> None:
    pipeline_id = await shelf.create(pipeline_files.read_file(FILE, "ignored").pipeline)
    (seed,) = (await shelf.store.load(pipeline_id)).tail
    assert (seed.seq, seed.user_id, seed.received_at) == (1, shelf.author.id, NOON)


async def test_every_import_is_a_pipeline_of_its_own(shelf: Shelf) -> None:
    pipeline = pipeline_files.read_file(FILE, "ignored").pipeline
    assert await shelf.create(pipeline) != await shelf.create(pipeline)


async def test_no_two_imports_share_a_step_id() -> None:
    first, second = (set(pipeline_files.read_file(FILE, "x").pipeline.steps) for _ in range(2))
    assert len(first) == len(second) == 1
    assert not first & second


async def test_an_export_holds_the_edits_in_the_log(shelf: Shelf) -> None:
    pipeline_id = await shelf.create(pipeline_files.read_file(FILE, "ignored").pipeline)
    replica = Replica(client_id=1)
    replica.apply((await shelf.store.load(pipeline_id)).tail[0].payload)
    edit = replica.set("name", "welcome")
    await shelf.store.append([NewUpdate(pipeline_id, None, edit, NOON)])
    exported, _ = await pipeline_files.export(shelf.store, pipeline_id)
    assert exported == FILE.decode().replace("greet", "welcome")


async def test_exporting_changes_nothing(shelf: Shelf) -> None:
    pipeline_id = await shelf.create(pipeline_files.read_file(FILE, "ignored").pipeline)
    before = await shelf.store.load(pipeline_id)
    await pipeline_files.export(shelf.store, pipeline_id)
    assert await shelf.store.load(pipeline_id) == before


async def test_a_pipeline_without_a_name_is_called_as_its_file(shelf: Shelf) -> None:
    pipeline_id = await shelf.create(pipeline_files.read_file(NAMELESS, "nightly").pipeline)
    document, left_out = replay(await shelf.store.load(pipeline_id))
    assert left_out == []
    assert _name(document) == "nightly"


async def test_what_is_not_there_cannot_be_exported(shelf: Shelf) -> None:
    with pytest.raises(PipelineNotFound):
        await pipeline_files.export(shelf.store, an_id(404))


async def test_nobody_creates_pipelines_for_a_team_that_is_not_there(shelf: Shelf) -> None:
    shelf.team_id = an_id(404)
    with pytest.raises(UnknownSubject):
        await shelf.create(pipeline_files.read_file(FILE, "ignored").pipeline)


def test_a_file_that_is_no_pipeline_is_refused() -> None:
    with pytest.raises(PipelineFileError):
        pipeline_files.read_file(b"workflow: [", "broken")


def _name(document: Document) -> object:
    settings = PipelineReader(document).settings()
    assert isinstance(settings, dict)
    return settings["name"]
