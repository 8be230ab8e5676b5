"""`/pipelines`: list, create, read, change and delete."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from crdt.errors import PipelineNotFound

from . import etags
from .context import Asking, Caller
from .etags import IfNoneMatch
from .pages import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from .pipeline_shapes import SETTINGS, Pipeline, PipelineSummary, Status
from .shapes import problems

router = APIRouter(prefix="/pipelines", tags=["pipelines"])

_BY_CREATION: Final = Keyset("pipelines", NEWEST_FIRST)


@router.get("", name="list_pipelines", responses=problems(400))
async def index(
    *,
    caller: Asking,
    team: UUID | None = None,
    status: Status | None = None,
    tag: Annotated[list[str] | None, Query(max_length=20, description="All of these.")] = None,
    template: Annotated[bool | None, Query(description="Only templates, or none.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[PipelineSummary]:
    """List the pipelines of the caller's teams, newest first."""
    after = _BY_CREATION.after(cursor)
    async with caller.rows() as rows:
        found = await rows.fetch("pipelines", team, status, tag, template, *after, limit + 1)
    return _BY_CREATION.page(found, limit, PipelineSummary.of)


@router.get("/{pipeline_id}", name="get_pipeline", responses=problems(304, 404))
async def show(
    caller: Asking, pipeline_id: UUID, response: Response, if_none_match: IfNoneMatch = None
) -> Pipeline:
    """Read a pipeline's settings."""
    pipeline = await read(caller, pipeline_id)
    return etags.answered(response, pipeline, tag_of(pipeline), if_none_match)


async def read(caller: Caller, pipeline_id: UUID) -> Pipeline:
    """Read a pipeline's row. Raises PipelineNotFound."""
    async with caller.rows() as rows:
        row = await rows.fetchrow("pipeline", pipeline_id)
    if row is None:
        raise PipelineNotFound
    return Pipeline.of(row)


def tag_of(pipeline: Pipeline) -> str:
    """The ETag of a pipeline's settings."""
    return etags.etag_of({name: getattr(pipeline, name) for name in SETTINGS})
