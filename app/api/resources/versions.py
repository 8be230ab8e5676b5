"""`/pipelines/{pipeline_id}/versions`: saved states, what differs between them, the way back."""

from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.encoders import jsonable_encoder

from app.api.core import roles
from app.api.core.context import Asking, Caller
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, small_integer
from app.api.core.problems import NotFound
from app.api.schemas.common import LARGEST, SmallInteger, problems
from app.api.schemas.versions import (
    Difference,
    ListedVersion,
    NewVersion,
    Restoration,
    Restored,
    Version,
    WholeVersion,
)
from app.services.events import RoomEvent
from crdt.editing import differences
from persistence.ports.versions import VersionInfo

from . import document_edits
from .yaml import YAML_CONTENT, YamlResponse, wanted_media_type

router = APIRouter(prefix="/pipelines/{pipeline_id}/versions", tags=["versions"])

Number = Annotated[int, Path(ge=1, le=LARGEST)]

_NEWEST_FIRST: Final = Keyset("versions", {"version_number": small_integer})


@router.get("", name="list_versions", responses=problems(400, 404))
async def index(
    caller: Asking, pipeline_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ListedVersion]:
    """List the saved states of a pipeline, newest first."""
    after = _NEWEST_FIRST.after(cursor)
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        found = await rows.fetch("versions_of_pipeline", pipeline_id, *after, limit + 1)
    return _NEWEST_FIRST.page(found, limit, ListedVersion.of)


@router.post(
    "",
    name="create_version",
    status_code=201,
    responses={
        200: {"model": Version, "description": "The newest version holds this state already."},
        **problems(403, 404),
    },
)
async def create(
    caller: Asking, pipeline_id: UUID, wanted: NewVersion, response: Response
) -> Version:
    """Save the present state, unless the newest version holds it and no other name is given."""
    await document_edits.require_editor(caller, pipeline_id)
    context = caller.context
    async with caller.rows() as rows:
        await context.quotas.require(rows, "versions_per_pipeline", pipeline_id)
        await context.quotas.require_space(rows, pipeline_id)
    async with context.compute_queue.turn(caller.id):
        info, is_new = await context.versioning.save(
            pipeline_id,
            caller.id,
            context.clock.now(),
            name=wanted.name,
            change_summary=wanted.change_summary,
            version_id=caller.subject_id,
        )
    response.headers["Location"] = f"/api/pipelines/{pipeline_id}/versions/{info.number}"
    if caller.writes is not None and info.transaction_id is not None:
        caller.writes.note_rows(info.transaction_id)
    if is_new:
        return _published(caller, pipeline_id, info)
    response.status_code = 200
    return Version.of_info(info)


@router.get("/diff", name="diff_versions", response_model=Difference, responses=problems(404))
async def diff(
    caller: Asking,
    pipeline_id: UUID,
    from_: Annotated[SmallInteger, Query(alias="from", description="A version's number.")],
    to: Annotated[SmallInteger | None, Query(description="Another's; else: as it is now.")] = None,
) -> Response:
    """Compare a version with another one, or with the present state."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    async with caller.context.read_queue.turn(caller.id):
        shown = await caller.context.versioning.difference(pipeline_id, from_, to, shown_as_json)
    return Response(shown, media_type="application/json")


def shown_as_json(found: differences.Difference) -> bytes:
    """Write a difference as JSON: for ten thousand steps the event loop would wait for long."""
    return Difference.of_difference(found).model_dump_json().encode()


@router.get("/{number}", name="get_version", response_model=WholeVersion, responses=problems(404))
async def show(caller: Asking, pipeline_id: UUID, number: Number) -> Response:
    """Read a saved state with its content."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        row = await rows.fetchrow("version_of_pipeline", pipeline_id, number)
    if row is None:
        raise NotFound(f"no version {number} of this pipeline: list its versions")
    # The content stays the text that PostgreSQL makes of it, however long.
    content = {part: row[part] for part in ("pipeline", "steps", "connections")}
    head = Version.of({name: row[name] for name in Version.model_fields}).model_dump_json()
    parts = (f'"{part}":{text}' for part, text in content.items())
    return Response(f"{head[:-1]},{','.join(parts)}}}", media_type="application/json")


@router.get(
    "/{number}/yaml",
    name="get_version_yaml",
    response_class=YamlResponse,
    responses={200: YAML_CONTENT, **problems(404)},
)
async def export(
    caller: Asking, pipeline_id: UUID, number: Number, request: Request
) -> YamlResponse:
    """Export a saved state as Pipeline YAML v2."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    async with caller.context.read_queue.turn(caller.id):
        text = await caller.context.versioning.text(pipeline_id, number)
    return YamlResponse(text, media_type=wanted_media_type(request))


@router.post(
    "/{number}/restore",
    name="restore_version",
    responses=document_edits.accepted(Restored) | problems(403, 404, 409),
)
async def restore(
    caller: Asking,
    pipeline_id: UUID,
    number: Number,
    response: Response,
    wanted: Restoration | None = None,
) -> Restored:
    """Restore a version by an edit that everybody sees; the state that it replaces is saved.

    With `steps`, only these are put back, and the connections between them.
    """
    steps = wanted.step_ids if wanted else None
    await document_edits.require_editor(caller, pipeline_id)
    context, turn = caller.context, document_edits.turn_of(caller)
    done = await context.versioning.restore(
        pipeline_id,
        number,
        caller.id,
        context.clock.now(),
        steps,
        require_editor=partial(document_edits.require_editor, caller, pipeline_id),
        turn=turn,
        fulfilled=caller.fulfilled_by(pipeline_id),
    )
    published = [_published(caller, pipeline_id, info) for info in done.versions]
    saved = published[-1] if published else None
    await document_edits.await_projection(caller, pipeline_id, done.edit, response)
    return Restored(version_number=number, saved=saved, seq=done.edit.seq)


def _published(caller: Caller, pipeline_id: UUID, info: VersionInfo) -> Version:
    version = Version.of_info(info)
    event = RoomEvent("version.created", jsonable_encoder(version))
    caller.context.events.publish(pipeline_id, event)
    return version
