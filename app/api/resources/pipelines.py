"""`/pipelines`: list, create, read, change and delete."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.pagination import (
    DEFAULT_LIMIT,
    NEWEST_FIRST,
    Cursor,
    Keyset,
    Limit,
    Page,
    text_value,
    timestamp,
)
from app.api.core.problems import Invalid
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
from persistence.ports.user_rows import Record

from . import document_edits

router = APIRouter(prefix="/pipelines", tags=["pipelines"])

Sort: TypeAlias = Literal["created", "updated", "name", "rank"]

_BY_TIME: Final[Mapping[str, Callable[[str], Any]]] = {"updated_at": timestamp, "id": UUID}
_BY_NAME: Final[Mapping[str, Callable[[str], Any]]] = {"sort_name": text_value, "id": UUID}

_BY_RANK: Final[Mapping[str, Callable[[str], Any]]] = {"sort_rank": text_value, "id": UUID}

_ORDERS: Final[Mapping[Sort, Keyset]] = {
    "created": Keyset("pipelines", NEWEST_FIRST),
    "updated": Keyset("pipelines by edit", _BY_TIME),
    "name": Keyset("pipelines by name", _BY_NAME),
    "rank": Keyset("pipelines by rank", _BY_RANK),
}


_Words: TypeAlias = Annotated[
    str | None,
    Query(max_length=500, description="With all these words; the last may be only begun."),
]

_SortedBy: TypeAlias = Annotated[
    Sort | None,
    Query(
        description="The newest, the last edited, A, or what fits `q` best first; `rank` if "
        "there is a `q`, else `created`."
    ),
]


@router.get("", name="list_pipelines", responses=problems(400))
async def index(
    *,
    caller: Asking,
    team: UUID | None = None,
    status: Annotated[list[Status] | None, Query(max_length=3, description="Any of these.")] = None,
    tag: Annotated[list[str] | None, Query(max_length=20, description="All of these.")] = None,
    template: Annotated[bool | None, Query(description="Only templates, or none.")] = None,
    id: Annotated[list[UUID] | None, Query(max_length=100, description="Any of these.")] = None,  # noqa: A002
    present: Annotated[bool, Query(description="Only where somebody is.")] = False,
    q: _Words = None,
    sort: _SortedBy = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ListedPipeline]:
    """List the pipelines of your teams, each with its outline and with those who have it open.

    `q` looks in names, descriptions, tags and steps; a step just written is found after a moment.
    A list by `updated` may repeat or miss a pipeline that is edited between two pages.
    """
    sort = sort or ("created" if q is None else "rank")
    if sort == "rank" and q is None:
        raise Invalid(("query.sort", "expected `q` with `rank`"))
    order = _ORDERS[sort]
    filters = (team, status, tag, template, id, present, sort, *_after(order, cursor), limit + 1)
    found = await _found(caller, q, *filters, PRESENCE_SECONDS, MAX_PRESENT)
    return order.page(found, limit, ListedPipeline.of)


async def _found(caller: Caller, words: str | None, *filters: object) -> Sequence[Record]:
    async with caller.rows() as rows:
        if words is None:
            return await rows.fetch("pipelines", *filters)
        return await rows.fetch("pipelines_found", *filters, words)


def _after(order: Keyset, cursor: str | None) -> tuple[datetime | None, str | None, UUID | None]:
    """The place to go on after, as the queries take it: a time or a name, and an id."""
    key, last = order.after(cursor)
    return (None, key, last) if order in (_ORDERS["name"], _ORDERS["rank"]) else (key, None, last)


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
