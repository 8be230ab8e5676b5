"""Import, which creates a pipeline from a file, and export, which writes one as YAML.

A new pipeline's document gets its first content once, in the transaction that creates it. Nothing
here ever changes a document that exists, since clients may hold older copies of it.

The functions that take long take and return what is cheap to send to another process and back
(`app/compute_processes.py`): a large pipeline goes there as bytes.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple, Self
from uuid import UUID, uuid4

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.document.spreading import spread_edit
from crdt.pipeline.fields import MAX_NAME
from crdt.pipeline.model import Pipeline, PipelineSettings
from crdt.pipeline.rows import PipelineRow
from crdt.validation import file_meaning
from crdt.validation.reading import read_pipeline, read_valid
from crdt.yaml.codec import Imported, write
from crdt.yaml.finding import Finding
from persistence.ports.directory import Directory, NewPipeline
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.worker.log_check import warning_of
from persistence.worker.replay import Compute, compute, load, replay

COPIED: Final = " (fork)"


@dataclass(frozen=True, slots=True)
class PackedPipeline:
    """A pipeline as bytes that only this program makes and reads."""

    content: bytes

    @classmethod
    def of(cls, pipeline: Pipeline) -> Self:
        """Pack a pipeline."""
        return cls(pickle.dumps(pipeline))

    def open(self) -> Pipeline:
        """Unpack it."""
        pipeline: Pipeline = pickle.loads(self.content)  # noqa: S301 - our own bytes
        return pipeline

    @property
    def size(self) -> int:
        """How many bytes they are."""
        return len(self.content)


@dataclass(frozen=True, slots=True)
class FileContent:
    """What is in a pipeline file, and what is odd about it; `steps` and such are counts."""

    packed: PackedPipeline
    name: str
    steps: int
    connections: int
    findings: Sequence[Finding]

    def without_pipeline(self) -> Self:
        """Return what is said of the file, which is short."""
        return replace(self, packed=PackedPipeline(b""))


@dataclass(frozen=True, slots=True)
class Seed:
    """The first update of a new pipeline, and the row that it makes.

    If it is a copy of a document that lacks something, there is a `warning`.
    """

    update: bytes
    row: PipelineRow
    warning: str = ""


class FileText(NamedTuple):
    """A pipeline as YAML, and a warning if the document that it was made of lacks something."""

    text: str
    warning: str


def read_file(content: bytes, name: str) -> Imported:
    """Read a pipeline file; `name` is for pipelines that have none. Raises PipelineFileError."""
    return file_meaning.read_file(content, name=name, new_id=lambda: str(uuid4()))


def content_of(text: str | bytes, name: str) -> FileContent:
    """Read a pipeline file as `read_file` does; this takes two seconds per megabyte."""
    imported = file_meaning.read_file(text, name=name, new_id=lambda: str(uuid4()))
    return FileContent(
        PackedPipeline.of(imported.pipeline),
        imported.pipeline.settings.name,
        len(imported.pipeline.steps),
        len(imported.pipeline.connections),
        imported.diagnostics,
    )


def seed_of(pipeline: Pipeline) -> Seed:
    """Make the seed of a pipeline."""
    document = Document()
    [update] = spread_edit(document, [seed(document, pipeline)])
    return Seed(update, read_valid(PipelineReader(document)).settings())


def seed_of_packed(packed: PackedPipeline, settings: Mapping[str, Any]) -> Seed:
    """Make the seed of a pipeline with some other settings."""
    return seed_of(_with(packed.open(), **settings))


def seed_of_copy(stored: StoredDocument, name: str | None) -> Seed:
    """Make the seed of a copy of a pipeline, by default one that is called so."""
    pipeline, warning = _replayed(stored)
    made = seed_of(_with(pipeline, name=name or copied_name(pipeline.settings)))
    return replace(made, warning=warning)


def _with(pipeline: Pipeline, **settings: Any) -> Pipeline:
    return replace(pipeline, settings=replace(pipeline.settings, **settings))


def copied_name(settings: PipelineSettings) -> str:
    """What the copy of a pipeline is called."""
    return f"{settings.name[: MAX_NAME - len(COPIED)]}{COPIED}"


async def create(
    directory: Directory,
    made: Pipeline | Seed,
    *,
    team_id: UUID,
    created_by: UUID | None,
    now: datetime,
    parent_id: UUID | None = None,
    address: str = "",
    needs_member: bool = False,
    claim: UUID | None = None,
) -> tuple[UUID, int]:
    """Create a pipeline; return its id and the transaction's. Raises as the directory does."""
    first = made if isinstance(made, Seed) else await compute(seed_of, made)
    created = NewPipeline(
        id=uuid4(),
        team_id=team_id,
        created_by=created_by,
        row=first.row,
        first_update=first.update,
        created_at=now,
        parent_id=parent_id,
        address=address,
        needs_member=needs_member,
        claim=claim,
    )
    transaction_id = await directory.create_pipeline(created)
    return created.id, transaction_id


async def copy(log: UpdateLog, pipeline_id: UUID, name: str | None, compute: Compute) -> Seed:
    """Make the seed of a copy of a pipeline, as the log has it. Raises PipelineNotFound."""
    return await load(log, pipeline_id, partial(seed_of_copy, name=name), compute=compute)


async def read(log: UpdateLog, pipeline_id: UUID) -> Pipeline:
    """Read a whole pipeline, as the log has it. Raises PipelineNotFound."""
    pipeline, _ = await load(log, pipeline_id, _replayed)
    return pipeline


async def export(log: UpdateLog, pipeline_id: UUID, compute: Compute = compute) -> FileText:
    """Write a pipeline as YAML, as the log has it. Raises PipelineNotFound."""
    return await load(log, pipeline_id, text_of, compute=compute)


def text_of(stored: StoredDocument) -> FileText:
    """Write a pipeline as YAML: ten thousand steps take five seconds. Raises PipelineFileError."""
    pipeline, warning = _replayed(stored)
    return FileText(write(pipeline), warning)


def _replayed(stored: StoredDocument) -> tuple[Pipeline, str]:
    document, left_out = replay(stored)
    return read_pipeline(PipelineReader(document)), warning_of(left_out)
