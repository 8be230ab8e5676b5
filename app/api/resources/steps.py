"""`/pipelines/{pipeline_id}/steps`: the boxes of a pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page
from app.api.core.problems import NotFound
from app.api.schemas.common import problems
from app.api.schemas.steps import NewStep, Step, StepPatch, of_document, of_row
from crdt.editing import verbs
from crdt.editing.editor import Editor
from crdt.editing.renaming import is_long_rename
from crdt.errors import EditConflict, EditRefused
from persistence.ports.user_rows import Record

from . import document_edits
from .document_edits import Edited

router = APIRouter(prefix="/pipelines/{pipeline_id}/steps", tags=["steps"])

_BY_ID: Final = Keyset("steps", {"id": UUID})


class _LongRename(EditRefused):
    """A rename that searches too many steps for the event loop; it is made aside instead."""


@router.get("", name="list_steps", responses=problems(400, 404))
async def index(
    caller: Asking, pipeline_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Step]:
    """List the steps of a pipeline by id; parent, slot and order_index say what is where."""
    after = _BY_ID.after(cursor)
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        found = await rows.fetch("steps_of_pipeline", pipeline_id, *after, limit + 1)
    return _BY_ID.page(found, limit, of_row)


@router.post(
    "",
    name="create_step",
    status_code=201,
    responses=document_edits.accepted(Step) | problems(403, 404, 409),
)
async def create(caller: Asking, pipeline_id: UUID, wanted: NewStep, response: Response) -> Step:
    """Add a step to the live document."""
    new_id = wanted.id or uuid4()
    step_id = str(new_id)

    def add(editor: Editor) -> Step:
        if step_id in editor.steps:
            raise EditConflict(f"there is a step {step_id} already", "id")
        fields = wanted.model_dump(mode="json", exclude={"id", "before"})
        verbs.put_step(editor, step_id, fields, before=_text(wanted.before))
        return _read(editor, step_id)

    edited = await document_edits.edit(caller, pipeline_id, add, response, creates=new_id)
    response.headers["Location"] = f"/api/pipelines/{pipeline_id}/steps/{step_id}"
    return await _answered(caller, pipeline_id, edited, response)


@router.get("/{step_id}", name="get_step", responses=problems(304, 404))
async def show(
    caller: Asking,
    pipeline_id: UUID,
    step_id: UUID,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Step:
    """Read a step."""
    row = await _row(caller, pipeline_id, step_id)
    if row is None:
        raise NotFound(f"no step {step_id}: check the id")
    step = of_row(row)
    return etags.answered(response, step, step.tag, if_none_match)


@router.patch(
    "/{step_id}",
    name="patch_step",
    responses=document_edits.accepted(Step) | problems(403, 404, 409, 412),
)
async def change(
    *,
    caller: Asking,
    pipeline_id: UUID,
    step_id: UUID,
    changes: StepPatch,
    response: Response,
    if_match: IfMatch = None,
) -> Step:
    """Change a step in the live document: what others change of it at the same time survives.

    What refers to the step by name follows a new name in the same edit.
    """
    given = changes.model_dump(mode="json", exclude_unset=True)

    patch = Patch(str(step_id), given, if_match)

    def patch_at_once(editor: Editor) -> Step:
        if is_long_rename(editor, str(step_id), given.get("name")):
            raise _LongRename("expected a rename of many steps to be made aside")
        return patch(editor)

    try:
        edited = await document_edits.edit(caller, pipeline_id, patch_at_once, response)
    except _LongRename:
        edited = await document_edits.edit_aside(
            caller, pipeline_id, patch, response, is_conditional=if_match is not None
        )
    return await _answered(caller, pipeline_id, edited, response)


@router.delete(
    "/{step_id}",
    name="delete_step",
    status_code=204,
    responses=document_edits.accepted() | problems(403, 404, 412),
)
async def delete(
    caller: Asking,
    pipeline_id: UUID,
    step_id: UUID,
    response: Response,
    if_match: IfMatch = None,
) -> None:
    """Delete a step with the steps inside it and the connections of all of these."""

    def remove(editor: Editor) -> None:
        _require_match(editor, str(step_id), if_match)
        verbs.delete_step(editor, str(step_id))

    await document_edits.edit(caller, pipeline_id, remove, response, is_deletion=True)


@dataclass(frozen=True, slots=True)
class Patch:
    """Changes the given fields of a step, if it has the right tag, and returns it.

    Raises Stale if it has another tag than `if_match`, where that is given.
    """

    step_id: str
    given: Mapping[str, Any]
    if_match: str | None

    def __call__(self, editor: Editor) -> Step:
        """Edit the document."""
        _require_match(editor, self.step_id, self.if_match)
        fields = {name: value for name, value in self.given.items() if name != "before"}
        before = (self.given["before"] or verbs.LAST) if "before" in self.given else None
        verbs.patch_step(editor, self.step_id, fields, before=before)
        return _read(editor, self.step_id)


def _require_match(editor: Editor, step_id: str, if_match: str | None) -> None:
    """Compare in the room itself: nothing can change between this and the edit."""
    if if_match is not None:
        step = _read(editor, step_id)
        etags.require_match(if_match, step, step.tag)


def _read(editor: Editor, step_id: str) -> Step:
    return of_document(editor.step_entry(step_id), editor.order_index(step_id))


async def _row(caller: Caller, pipeline_id: UUID, step_id: UUID) -> Record | None:
    async with caller.rows() as rows:
        return await rows.fetchrow("step_of_pipeline", pipeline_id, step_id)


async def _answered(
    caller: Caller, pipeline_id: UUID, edited: Edited[Step], response: Response
) -> Step:
    """A step of the document, tagged, with the times that only its row knows."""
    step, projected = edited.value, edited.projected
    announced = None if projected is None else projected.steps.get(step.id)
    key = pipeline_id, step.id
    times = await document_edits.times_of(caller, announced, "step_of_pipeline", *key)
    return etags.answered(response, step.model_copy(update=times), step.tag)


def _text(step_id: UUID | None) -> str | None:
    return None if step_id is None else str(step_id)
