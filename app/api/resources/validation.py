"""`/validate`, and the findings on Pipeline YAML wherever a request contains some."""

from typing import Final, Self

from fastapi import APIRouter, Request

from app.api.core.context import Asking, Caller
from app.api.core.problems import UnsupportedBody
from app.api.schemas.common import Shown, problems
from app.api.schemas.findings import Finding
from app.services.pipeline_files import FileContent, content_of

router = APIRouter(tags=["yaml"])

UNTITLED: Final = "Untitled pipeline"
MEDIA_TYPES: Final = (
    "application/yaml",  # RFC 9512
    "text/yaml",
    "application/x-yaml",
    "text/x-yaml",
    "text/plain",
    "application/octet-stream",  # what some generated clients send every file as
)
EXAMPLE: Final = """\
workflow:
  name: hello
  steps:
    - name: greet
      type: claude
      prompt:
        - type: static
          content: Say hello.
"""
PIPELINE_FILE: Final = {"type": "string", "description": "Pipeline YAML v2.", "example": EXAMPLE}
"""A file is a text for generated clients: they would write an object as JSON."""

BYTES: Final = {"type": "string", "format": "binary", "description": "Pipeline YAML v2, in UTF-8."}
BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": PIPELINE_FILE},
            "text/yaml": {"schema": PIPELINE_FILE},
            "application/octet-stream": {"schema": BYTES},
        },
    }
}


class Validation(Shown):
    """The content of a pipeline file, and the findings on it."""

    name: str
    steps: int
    connections: int
    findings: list[Finding]

    @classmethod
    def of_content(cls, content: FileContent) -> Self:
        """The validation of a file that was read."""
        return cls(
            name=content.name,
            steps=content.steps,
            connections=content.connections,
            findings=[Finding.of_finding(one) for one in content.findings],
        )


@router.post("/validate", name="validate", responses=problems(415), openapi_extra=BODY)
async def validate(caller: Asking, request: Request) -> Validation:
    """Read Pipeline YAML v2 and return the findings on it; nothing is stored."""
    return Validation.of_content(await read_in(caller, request))


async def yaml_in(request: Request) -> bytes:
    """The body of a request, which must be YAML. Raises UnsupportedBody."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        expected = ", ".join(MEDIA_TYPES)
        raise UnsupportedBody(f"expected one of {expected}, got {media_type or 'no media type'}")
    return await request.body()


async def read_in(caller: Caller, request: Request) -> FileContent:
    """Read the pipeline file that is the body of a request. Raises PipelineFileError and such."""
    return await read_file(caller, await yaml_in(request))


async def read_file(caller: Caller, body: bytes) -> FileContent:
    """Read a pipeline file. Raises PipelineFileError, Overloaded."""
    return await caller.context.compute_queue.run(caller.id, content_of, body, UNTITLED)
