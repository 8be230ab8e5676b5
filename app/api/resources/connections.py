"""`/pipelines/{pipeline_id}/connections`: what flows from which step to which."""

from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page
from app.api.core.problems import NotFound
from app.api.schemas.common import problems
from app.api.schemas.connections import Connection, ConnectionPatch, NewConnection, of_document
from crdt.editing import verbs
from crdt.editing.editor import Editor
from crdt.errors import EditConflict
from persistence.ports.user_rows import Record

from . import document_edits
from .document_edits import Edited

router = APIRouter(prefix="/pipelines/{pipeline_id}/connections", tags=["connections"])

_BY_ID: Final = Keyset("connections", {"id": UUID})


@router.get("", name="list_connections", responses=problems(400, 404))
async def index(
    caller: Asking, pipeline_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Connection]:
    """List the connections of a pipeline by id."""
    after = _BY_ID.after(cursor)
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        found = await rows.fetch("connections_of_pipeline", pipeline_id, *after, limit + 1)
    return _BY_ID.page(found, limit, Connection.of)


@router.post(
    "",
    name="create_connection",
    status_code=201,
    response_model=Connection,
    responses=document_edits.accepted(Connection) | problems(403, 404, 409),
)
async def create(
    caller: Asking, pipeline_id: UUID, wanted: NewConnection, response: Response
) -> Connection:
    """Connect two steps in the live document."""
    new_id = wanted.id or uuid4()
    connection_id = str(new_id)

    def add(editor: Editor) -> Connection:
        if connection_id in editor.connections:
            raise EditConflict(f"there is a connection {connection_id} already", "id")
        fields = wanted.model_dump(mode="json", exclude={"id"})
        verbs.put_connection(editor, connection_id, fields)
        return of_document(editor.connection_entry(connection_id))

    edited = await document_edits.edit(caller, pipeline_id, add, response, creates=new_id)
    response.headers["Location"] = f"/api/pipelines/{pipeline_id}/connections/{connection_id}"
    return await _answered(caller, pipeline_id, edited, response)


@router.get("/{connection_id}", name="get_connection", responses=problems(304, 404))
async def show(
    caller: Asking,
    pipeline_id: UUID,
    connection_id: UUID,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Connection:
    """Read a connection."""
    row = await _row(caller, pipeline_id, connection_id)
    if row is None:
        raise NotFound(f"no connection {connection_id}: check the id")
    connection = Connection.of(row)
    return etags.answered(response, connection, connection.tag, if_none_match)


@router.patch(
    "/{connection_id}",
    name="patch_connection",
    responses=document_edits.accepted(Connection) | problems(403, 404, 409, 412),
)
async def change(
    *,
    caller: Asking,
    pipeline_id: UUID,
    connection_id: UUID,
    changes: ConnectionPatch,
    response: Response,
    if_match: IfMatch = None,
) -> Connection:
    """Change a connection in the live document."""
    fields = changes.model_dump(mode="json", exclude_unset=True)

    def patch(editor: Editor) -> Connection:
        _require_match(editor, str(connection_id), if_match)
        verbs.patch_connection(editor, str(connection_id), fields)
        return of_document(editor.connection_entry(str(connection_id)))

    edited = await document_edits.edit(caller, pipeline_id, patch, response)
    return await _answered(caller, pipeline_id, edited, response)


@router.delete(
    "/{connection_id}",
    name="delete_connection",
    status_code=204,
    responses=document_edits.accepted() | problems(403, 404, 412),
)
async def delete(
    caller: Asking,
    pipeline_id: UUID,
    connection_id: UUID,
    response: Response,
    if_match: IfMatch = None,
) -> None:
    """Delete a connection from the live document."""

    def remove(editor: Editor) -> None:
        _require_match(editor, str(connection_id), if_match)
        verbs.delete_connection(editor, str(connection_id))

    await document_edits.edit(caller, pipeline_id, remove, response, is_deletion=True)


def _require_match(editor: Editor, connection_id: str, if_match: str | None) -> None:
    """Compare in the room itself: nothing can change between this and the edit."""
    if if_match is not None:
        connection = of_document(editor.connection_entry(connection_id))
        etags.require_match(if_match, connection, connection.tag)


async def _row(caller: Caller, pipeline_id: UUID, connection_id: UUID) -> Record | None:
    async with caller.rows() as rows:
        return await rows.fetchrow("connection_of_pipeline", pipeline_id, connection_id)


async def _answered(
    caller: Caller, pipeline_id: UUID, edited: Edited[Connection], response: Response
) -> Connection:
    """A connection of the document, tagged, with the times that only its row knows."""
    connection, projected = edited.value, edited.projected
    announced = None if projected is None else projected.connections.get(connection.id)
    key = pipeline_id, connection.id
    times = await document_edits.times_of(caller, announced, "connection_of_pipeline", *key)
    return etags.answered(response, connection.model_copy(update=times), connection.tag)
