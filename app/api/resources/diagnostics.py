"""`/pipelines/{pipeline_id}/diagnostics`: what no row can hold, and what no runner understands."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict

from app.api.core import roles
from app.api.core.context import Asking
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, text_value
from app.api.schemas.common import Shown, problems
from crdt.pipeline.rows import Severity

router = APIRouter(prefix="/pipelines/{pipeline_id}/diagnostics", tags=["diagnostics"])


class Diagnostic(Shown):
    """Something in the document that no row can hold, or that no runner understands.

    `path` is a JSON pointer (RFC 6901) from the subject's entry in the document.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "duplicate_name",
                "subject": "step:9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22",
                "severity": "warning",
                "message": 'Another step here has this name; the tables show "summarize (2)".',
                "path": "/name",
                "suggestion": "Rename one of the steps.",
            }
        }
    )

    code: str
    subject: str
    severity: Severity
    message: str
    path: str
    suggestion: str


_BY_CODE: Final = Keyset("diagnostics", {"code": text_value, "subject": text_value})


@router.get("", name="list_diagnostics", responses=problems(400, 404))
async def index(
    caller: Asking, pipeline_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Diagnostic]:
    """List the diagnostics of a pipeline, by code and subject."""
    after = _BY_CODE.after(cursor)
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        found = await rows.fetch("diagnostics_of_pipeline", pipeline_id, *after, limit + 1)
    return _BY_CODE.page(found, limit, Diagnostic.of)
