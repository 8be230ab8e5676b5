"""Pipelines in and out of the installation: import creates one, export reads one.

A new pipeline's document is seeded once, in the transaction that creates it; nothing here ever
changes a document that exists.
"""

from datetime import datetime
from uuid import UUID, uuid4

from crdt.document import Document
from crdt.pipeline import Pipeline
from crdt.pipeline_yaml import Imported, read, write
from crdt.reading import read_pipeline, read_valid
from crdt.shared_types import PipelineReader, seed
from persistence.ports import Directory, NewPipeline, UpdateLog
from persistence.replay import load, replay


def read_file(content: bytes, name: str) -> Imported:
    """Read a pipeline file; `name` is for pipelines that have none. Raises PipelineFileError."""
    return read(content, name=name, new_id=lambda: str(uuid4()))


async def create(
    directory: Directory,
    pipeline: Pipeline,
    *,
    team_id: UUID,
    created_by: UUID | None,
    now: datetime,
) -> UUID:
    """Create a pipeline and return its id. Raises UnknownSubject."""
    document = Document()
    first_update = seed(document, pipeline)
    created = NewPipeline(
        id=uuid4(),
        team_id=team_id,
        created_by=created_by,
        row=read_valid(PipelineReader(document)).settings(),
        first_update=first_update,
        created_at=now,
    )
    await directory.create_pipeline(created)
    return created.id


async def export(log: UpdateLog, pipeline_id: UUID) -> str:
    """Write a pipeline as YAML, as the log has it. Raises PipelineNotFound."""
    document, _ = await load(log, pipeline_id, replay)
    return write(read_pipeline(PipelineReader(document)))
