"""`/pipelines/{pipeline_id}/yaml`: a pipeline as a file, and a file put in its place."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.api.core import etags, roles
from app.api.core.context import Asking
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.schemas.common import problems
from app.services import pipeline_files
from crdt.document.schema import PipelineReader
from crdt.editing.editor import Editor
from crdt.editing.replace import put_pipeline
from crdt.validation.reading import read_pipeline
from crdt.yaml.codec import write
from persistence.worker.replay import compute

from . import document_edits
from .validation import BODY, PIPELINE_FILE, Validation, read_in

router = APIRouter(prefix="/pipelines/{pipeline_id}/yaml", tags=["yaml"])


class YamlResponse(Response):
    """Pipeline YAML v2."""

    media_type = "application/yaml"


@router.get(
    "",
    name="get_yaml",
    response_class=YamlResponse,
    responses={
        200: {"content": {"application/yaml": {"schema": PIPELINE_FILE}}},
        **problems(304, 404),
    },
)
async def show(
    caller: Asking, pipeline_id: UUID, if_none_match: IfNoneMatch = None
) -> YamlResponse:
    """Export a pipeline as Pipeline YAML v2, as it was last saved."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    async with caller.context.compute_queue.turn(caller.id):
        text = await pipeline_files.export(caller.context.log, pipeline_id)
    response = YamlResponse(text)
    return etags.answered(response, response, etags.etag_of(text), if_none_match)


@router.put(
    "",
    name="put_yaml",
    openapi_extra=BODY,
    responses=document_edits.accepted(Validation) | problems(403, 404, 412, 415),
)
async def replace(
    *,
    caller: Asking,
    pipeline_id: UUID,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> Validation:
    """Make a pipeline equal to a file, by the smallest edits of the live document.

    Steps that the file still has keep their ids and places; what others edit meanwhile survives.
    """
    await document_edits.require_editor(caller, pipeline_id)
    imported = await read_in(caller, request)

    def put(editor: Editor) -> Editor:
        if if_match is not None:
            present = _text(editor)
            etags.require_match(if_match, present, etags.etag_of(present))
        put_pipeline(editor, imported.pipeline)
        return editor

    edited = await document_edits.edit_aside(
        caller, pipeline_id, put, response, is_conditional=if_match is not None
    )
    # Not before: others who edit this pipeline would wait as long again.
    response.headers["ETag"] = etags.etag_of(await compute(_text, edited.value))
    return Validation.of_imported(imported)


def _text(editor: Editor) -> str:
    return write(read_pipeline(PipelineReader(editor.document)))
