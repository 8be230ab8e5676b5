"""`/pipelines/{pipeline_id}/yaml`: a pipeline as a file, and a file put in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.schemas.common import problems
from app.http import WARNING
from app.services import pipeline_files
from app.services.known_files import KnownFile
from app.services.pipeline_files import FileText, PackedPipeline
from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.editing.editor import Editor
from crdt.editing.replace import put_pipeline
from crdt.validation.reading import read_pipeline
from crdt.yaml.codec import write
from persistence.ports.update_log import StoredDocument
from persistence.worker.replay import load

from . import document_edits
from .validation import BODY, PIPELINE_FILE, Validation, read_file, yaml_in

router = APIRouter(prefix="/pipelines/{pipeline_id}/yaml", tags=["yaml"])


ANSWERED: Final = ("application/yaml", "text/yaml")
"""Media types of an answer: the registered one (RFC 9512), and one that clients take for text."""


YAML_CONTENT: Final[dict[str, Any]] = {
    "content": {kind: {"schema": PIPELINE_FILE} for kind in ANSWERED}
}
"""What OpenAPI says of an answer that is a file."""


class YamlResponse(Response):
    """Pipeline YAML v2."""

    media_type = "application/yaml"


@router.get(
    "",
    name="get_yaml",
    response_class=YamlResponse,
    responses={
        200: YAML_CONTENT,
        **problems(304, 404),
    },
)
async def show(
    caller: Asking, pipeline_id: UUID, request: Request, if_none_match: IfNoneMatch = None
) -> YamlResponse:
    """Export a pipeline as Pipeline YAML v2, as it was last saved."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    context = caller.context
    async with context.read_queue.turn(caller.id):
        written, etag, seq = await load(
            context.log, pipeline_id, _tagged_text, compute=context.compute
        )
    response = YamlResponse(written.text, media_type=wanted_media_type(request))
    if written.warning:
        response.headers[WARNING] = written.warning
    else:
        known = KnownFile(seq, etag, None)
        context.known_files.note(pipeline_id, bytes(response.body), known)
    return etags.answered(response, response, etag, if_none_match)


def wanted_media_type(request: Request) -> str:
    """The media type of an answer: `text/yaml` for those who ask for that alone."""
    accepted = request.headers.get("accept", "").lower()
    return ANSWERED["text/yaml" in accepted and "application/yaml" not in accepted]


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
    body = await yaml_in(request)
    if (known := await _known(caller, pipeline_id, body, if_match)) is not None:
        return await _answered_as_known(caller, pipeline_id, body, known, response)
    content = await read_file(caller, body)
    edited = await document_edits.edit_aside(
        caller,
        pipeline_id,
        Put(content.packed, if_match),
        response,
        is_conditional=if_match is not None,
        summary=_etag_after,
    )
    response.headers["ETag"] = edited.summary
    if edited.exact_seq is not None:
        known = KnownFile(edited.exact_seq, edited.summary, content.without_pipeline())
        caller.context.known_files.note(pipeline_id, body, known)
    return Validation.of_content(content)


async def _known(
    caller: Caller, pipeline_id: UUID, body: bytes, if_match: str | None
) -> KnownFile | None:
    """Return what is known of a file if the pipeline holds it already, and in the state wanted."""
    heads = await caller.context.log.heads([pipeline_id])
    known = caller.context.known_files.find(pipeline_id, body, heads.get(pipeline_id, 0))
    if known is None or (if_match is not None and not etags.matches(if_match, known.etag)):
        return None
    return known


async def _answered_as_known(
    caller: Caller, pipeline_id: UUID, body: bytes, known: KnownFile, response: Response
) -> Validation:
    """Answer without an edit: it would change nothing."""
    content = known.content
    if content is None:
        content = (await read_file(caller, body)).without_pipeline()
        known = KnownFile(known.seq, known.etag, content)
        caller.context.known_files.note(pipeline_id, body, known)
    if await document_edits.projection_of(caller, pipeline_id, known.seq, is_new=False) is None:
        response.status_code = 202
    response.headers["ETag"] = known.etag
    return Validation.of_content(content)


@dataclass(frozen=True, slots=True)
class Put:
    """Puts a pipeline in the place of what a document holds, if that has the right tag.

    Raises Stale if it has another tag than `if_match`, where that is given.
    """

    packed: PackedPipeline
    if_match: str | None

    def __call__(self, editor: Editor) -> None:
        """Edit the document."""
        if self.if_match is not None:
            present = _text(editor.document)
            etags.require_match(self.if_match, present, etags.etag_of(present))
        put_pipeline(editor, self.packed.open())


def _tagged_text(stored: StoredDocument) -> tuple[FileText, str, int]:
    written = pipeline_files.text_of(stored)
    return written, etags.etag_of(written.text), stored.seq


def _etag_after(state: bytes, updates: Sequence[bytes]) -> str:
    document = Document()
    for each in (state, *updates):
        document.load(each)
    return etags.etag_of(_text(document))


def _text(document: Document) -> str:
    return write(read_pipeline(PipelineReader(document)))
