"""Import, which creates a pipeline from a file, and export, which writes one as YAML.

A new pipeline's document gets its first content once, in the transaction that creates it. Nothing
here ever changes a document that exists, since clients may hold older copies of it.
"""

from datetime import datetime
from uuid import UUID, uuid4

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.document.spreading import spread_edit
from crdt.pipeline.model import Pipeline
from crdt.pipeline.rows import PipelineRow
from crdt.validation import file_meaning
from crdt.validation.reading import read_pipeline, read_valid
from crdt.yaml.codec import Imported, write
from persistence.ports.directory import Directory, NewPipeline
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.worker.replay import compute, load, replay


def read_file(content: bytes, name: str) -> Imported:
    """Read a pipeline file; `name` is for pipelines that have none. Raises PipelineFileError."""
    return file_meaning.read_file(content, name=name, new_id=lambda: str(uuid4()))


async def create(
    directory: Directory,
    pipeline: Pipeline,
    *,
    team_id: UUID,
    created_by: UUID | None,
    now: datetime,
    parent_id: UUID | None = None,
) -> UUID:
    """Create a pipeline and return its id. Raises UnknownSubject."""
    first_update, row = await compute(_seeded, pipeline)
    created = NewPipeline(
        id=uuid4(),
        team_id=team_id,
        created_by=created_by,
        row=row,
        first_update=first_update,
        created_at=now,
        parent_id=parent_id,
    )
    await directory.create_pipeline(created)
    return created.id


def _seeded(pipeline: Pipeline) -> tuple[bytes, PipelineRow]:
    document = Document()
    [first_update] = spread_edit(document, [seed(document, pipeline)])
    return first_update, read_valid(PipelineReader(document)).settings()


async def read(log: UpdateLog, pipeline_id: UUID) -> Pipeline:
    """Read a whole pipeline, as the log has it. Raises PipelineNotFound."""
    return await load(log, pipeline_id, _replayed)


async def export(log: UpdateLog, pipeline_id: UUID) -> str:
    """Write a pipeline as YAML, as the log has it. Raises PipelineNotFound."""
    return await load(log, pipeline_id, lambda stored: write(_replayed(stored)))


def _replayed(stored: StoredDocument) -> Pipeline:
    document, _ = replay(stored)
    return read_pipeline(PipelineReader(document))
