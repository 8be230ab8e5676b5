"""`/pipelines`: list, create, read, change and delete."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.pagination import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from app.api.schemas.common import problems
from app.api.schemas.pipelines import (
    MAX_PRESENT,
    SETTINGS,
    ListedPipeline,
    Pipeline,
    PipelinePatch,
)
from crdt.editing import verbs
from crdt.editing.editor import Editor
from crdt.errors import PipelineNotFound
from crdt.pipeline.fields import Status
from crdt.validation.entries import settings_entry
from persistence.ports.presence import PRESENCE_SECONDS

from . import document_edits

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
    q: Annotated[str | None, Query(max_length=500, description="With all these words.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ListedPipeline]:
    """List the pipelines of your teams, newest first, with those who have each open.

    `q` looks in names, descriptions, tags and steps; a step just written is found after a moment.
    """
    filters = (team, status, tag, template, *_BY_CREATION.after(cursor), limit + 1)
    shown = (*filters, PRESENCE_SECONDS, MAX_PRESENT)
    async with caller.rows() as rows:
        if q is None:
            found = await rows.fetch("pipelines", *shown)
        else:
            found = await rows.fetch("pipelines_found", q, *shown)
    return _BY_CREATION.page(found, limit, ListedPipeline.of)


@router.get("/{pipeline_id}", name="get_pipeline", responses=problems(304, 404))
async def show(
    caller: Asking, pipeline_id: UUID, response: Response, if_none_match: IfNoneMatch = None
) -> Pipeline:
    """Read a pipeline's settings."""
    pipeline = await read(caller, pipeline_id)
    return etags.answered(response, pipeline, tag_of(pipeline), if_none_match)


@router.patch(
    "/{pipeline_id}",
    name="patch_pipeline",
    responses=document_edits.accepted(Pipeline) | problems(403, 404, 412),
)
async def change(
    caller: Asking,
    pipeline_id: UUID,
    changes: PipelinePatch,
    response: Response,
    if_match: IfMatch = None,
) -> Pipeline:
    """Change a pipeline's settings in the live document."""
    present = await read(caller, pipeline_id)
    given = changes.given()

    def patch(editor: Editor) -> Pipeline:
        current = _of_document(present, editor)
        etags.require_match(if_match, current, tag_of(current))
        verbs.patch_settings(editor, given)
        return _of_document(present, editor)

    edited = await document_edits.edit(caller, pipeline_id, patch, response)
    pipeline, announced = edited.value, edited.projected and edited.projected.updated_at
    times = {"updated_at": announced or (await read(caller, pipeline_id)).updated_at}
    return etags.answered(response, pipeline.model_copy(update=times), tag_of(pipeline))


@router.delete(
    "/{pipeline_id}", name="delete_pipeline", status_code=204, responses=problems(403, 404)
)
async def delete(caller: Asking, pipeline_id: UUID) -> None:
    """Delete a pipeline, as its creator, or as an owner or admin of the team.

    It is gone at once for everybody, and can be restored for a while: see `/deleted-pipelines`.
    """
    async with caller.rows() as rows:
        role = await roles.at_pipeline(rows, pipeline_id)
        row = await rows.fetchrow("pipeline", pipeline_id)
        mine = row is not None and row["created_by"] == caller.id
        roles.require(role, "member" if mine else "admin", "deleting a pipeline")
        await rows.fetchval("remove_pipeline", pipeline_id)


def _of_document(present: Pipeline, editor: Editor) -> Pipeline:
    """A pipeline with the settings of its document."""
    row = settings_entry(editor.read_settings()).value
    settings = {} if row is None else {name: getattr(row, name) for name in SETTINGS}
    return present.model_copy(update={**settings, "tags": list(settings.get("tags", ()))})


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
