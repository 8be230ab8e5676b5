"""`/pipelines/{pipeline_id}/comments`: threads about a pipeline and its steps."""

from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response
from fastapi.encoders import jsonable_encoder

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, timestamp
from app.api.core.problems import Invalid, NotFound, RoleNeeded
from app.api.schemas.comments import Comment, CommentPatch, NewComment, of_row
from app.api.schemas.common import problems
from app.services.events import Kind, RoomEvent
from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from persistence.ports.directory import Role
from persistence.ports.user_rows import UserRows

router = APIRouter(prefix="/pipelines/{pipeline_id}/comments", tags=["comments"])

_OLDEST_FIRST: Final = Keyset("comments", {"created_at": timestamp, "id": UUID})


@router.get("", name="list_comments", responses=problems(400, 404))
async def index(
    *,
    caller: Asking,
    pipeline_id: UUID,
    step: Annotated[UUID | None, Query(description="About this step.")] = None,
    thread: Annotated[UUID | None, Query(description="This root and its replies.")] = None,
    resolved: Annotated[bool | None, Query(description="Of threads resolved or not.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Comment]:
    """List comments, oldest first."""
    after = _OLDEST_FIRST.after(cursor)
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        found = await rows.fetch("comments", pipeline_id, step, thread, resolved, *after, limit + 1)
    return _OLDEST_FIRST.page(found, limit, of_row)


@router.post("", name="create_comment", status_code=201, responses=problems(403, 404))
async def create(
    caller: Asking, pipeline_id: UUID, wanted: NewComment, response: Response
) -> Comment:
    """Comment on a pipeline; subscribers of its events receive the comment."""
    comment_id = uuid4()
    async with caller.rows() as rows:
        role = await roles.at_pipeline(rows, pipeline_id)
        roles.require(role, "member", "commenting")
        await caller.context.quotas.require(rows, "comments_per_pipeline", pipeline_id)
        await caller.context.quotas.require_space(rows, pipeline_id)
        await _check_thread(rows, pipeline_id, wanted)
    await _check_step(caller, pipeline_id, wanted)
    async with caller.rows() as rows:
        await rows.execute(
            "new_comment",
            comment_id,
            pipeline_id,
            wanted.step_id,
            wanted.parent_id,
            wanted.content,
        )
        comment = await _read(rows, pipeline_id, comment_id)
    _tell(caller, pipeline_id, "comment.created", comment)
    response.headers["Location"] = f"/api/pipelines/{pipeline_id}/comments/{comment_id}"
    return etags.answered(response, comment, _tag(comment))


@router.get("/{comment_id}", name="get_comment", responses=problems(304, 404))
async def show(
    caller: Asking,
    pipeline_id: UUID,
    comment_id: UUID,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Comment:
    """Read a comment."""
    async with caller.rows() as rows:
        comment = await _read(rows, pipeline_id, comment_id)
    return etags.answered(response, comment, _tag(comment), if_none_match)


@router.patch("/{comment_id}", name="patch_comment", responses=problems(403, 404, 412))
async def change(
    *,
    caller: Asking,
    pipeline_id: UUID,
    comment_id: UUID,
    changes: CommentPatch,
    response: Response,
    if_match: IfMatch = None,
) -> Comment:
    """Rewrite your comment, or resolve a thread at its root."""
    async with caller.rows() as rows:
        roles.require(await roles.at_pipeline(rows, pipeline_id), "member", "commenting")
        await rows.fetchrow("lock_comment", pipeline_id, comment_id)
        present = await _read(rows, pipeline_id, comment_id)
        etags.require_match(if_match, present, _tag(present))
        _check_changes(caller, present, changes)
        wanted = present.model_copy(update=changes.given())
        if wanted == present:
            rows.note_unchanged()
            return etags.answered(response, present, _tag(present))
        await rows.execute(
            "write_comment", pipeline_id, comment_id, wanted.content, wanted.resolved
        )
        comment = await _read(rows, pipeline_id, comment_id)
    resolving = comment.resolved and not present.resolved
    kind: Kind = "comment.resolved" if resolving else "comment.updated"
    _tell(caller, pipeline_id, kind, comment)
    return etags.answered(response, comment, _tag(comment))


@router.delete(
    "/{comment_id}", name="delete_comment", status_code=204, responses=problems(403, 404)
)
async def delete(caller: Asking, pipeline_id: UUID, comment_id: UUID) -> None:
    """Delete your comment, or anybody's as an owner or admin; with a root goes its thread."""
    async with caller.rows() as rows:
        role = await roles.at_pipeline(rows, pipeline_id)
        comment = await _read(rows, pipeline_id, comment_id)
        least: Role = "member" if _is_author(caller, comment) else "admin"
        roles.require(role, least, "deleting this comment")
        await rows.fetchval("remove_comment", pipeline_id, comment_id)
    _tell(caller, pipeline_id, "comment.deleted", comment)


async def _read(rows: UserRows, pipeline_id: UUID, comment_id: UUID) -> Comment:
    row = await rows.fetchrow("comment", pipeline_id, comment_id)
    if row is None:
        raise NotFound(f"no comment {comment_id}: check the id")
    return of_row(row)


async def _check_thread(rows: UserRows, pipeline_id: UUID, wanted: NewComment) -> None:
    if wanted.parent_id is None:
        return
    root = await rows.fetchrow("comment", pipeline_id, wanted.parent_id)
    if root is None or root["parent_id"] is not None:
        raise Invalid(("body.parent_id", "expected the id of a thread's root, a comment here"))
    if wanted.step_id not in (None, root["step_id"]):
        raise Invalid(("body.step_id", "a reply is about the step of its root: leave it out"))


async def _check_step(caller: Caller, pipeline_id: UUID, wanted: NewComment) -> None:
    """Refuse a step that neither the tables nor the document have."""
    if wanted.step_id is None or wanted.parent_id is not None:
        return
    async with caller.rows() as rows:
        row = await rows.fetchrow("step_of_pipeline", pipeline_id, wanted.step_id)
    key = str(wanted.step_id)

    def has_step(document: Document) -> bool:
        return key in PipelineReader(document).step_keys()

    if row is None and not await caller.context.hub.read(pipeline_id, has_step):
        raise Invalid(("body.step_id", f"no step {key} in this pipeline: check the id"))


def _check_changes(caller: Caller, present: Comment, changes: CommentPatch) -> None:
    given = changes.given()
    if "content" in given and not _is_author(caller, present):
        raise RoleNeeded("rewriting a comment", "author")
    if given.get("resolved") and present.parent_id is not None:
        raise Invalid(("body.resolved", "only the root of a thread can be resolved"))


def _is_author(caller: Caller, comment: Comment) -> bool:
    return comment.author is not None and comment.author.id == caller.id


def _tag(comment: Comment) -> str:
    return etags.etag_of([comment.content, comment.resolved])


def _tell(caller: Caller, pipeline_id: UUID, kind: Kind, comment: Comment) -> None:
    caller.context.events.publish(pipeline_id, RoomEvent(kind, jsonable_encoder(comment)))
