"""New pipelines: empty, from YAML, and as forks of others."""

from dataclasses import replace
from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.schemas.common import problems
from app.api.schemas.findings import Finding
from app.api.schemas.pipelines import Created, Fork, NewPipeline, Pipeline
from app.services import pipeline_files
from crdt.editing.strict_fields import check_fields
from crdt.pipeline import model
from crdt.pipeline.fields import MAX_NAME, SETTINGS
from crdt.validation.file_meaning import read_file
from crdt.yaml.codec import Imported

from . import document_edits
from .pipelines import read, tag_of
from .validation import UNTITLED

router = APIRouter(prefix="/pipelines", tags=["pipelines"])


@router.post("", name="create_pipeline", status_code=201, responses=problems(403, 404))
async def create(caller: Asking, wanted: NewPipeline, response: Response) -> Created:
    """Create a pipeline in a team of yours: empty, or from Pipeline YAML v2.

    Settings beside `yaml` win over those in it. `findings` tells what is odd about the YAML.
    """
    await require_member_of(caller, wanted.team_id)
    settings = wanted.settings()
    check_fields(SETTINGS, settings)
    imported = await _imported(caller, wanted.yaml)
    if "tags" in settings:
        settings["tags"] = tuple(settings["tags"])
    pipeline = replace(imported.pipeline, settings=replace(imported.pipeline.settings, **settings))
    made = await store(caller, pipeline, wanted.team_id, response)
    findings = [Finding.of_finding(one) for one in imported.diagnostics]
    return Created(**made.model_dump(), findings=findings)


_PLAIN: Final = Fork()


@router.post(
    "/{pipeline_id}/fork", name="fork_pipeline", status_code=201, responses=problems(403, 404)
)
async def fork(
    caller: Asking, pipeline_id: UUID, response: Response, wanted: Fork = _PLAIN
) -> Pipeline:
    """Copy a pipeline into its own team or another of yours; steps and connections keep their ids.

    The copy has a document and a history of its own, and remembers where it comes from.
    """
    source = await read(caller, pipeline_id)
    team_id = wanted.team_id or source.team_id
    await require_member_of(caller, team_id)
    async with caller.context.compute_queue.turn(caller.id):
        pipeline = await pipeline_files.read(caller.context.log, pipeline_id)
    name = wanted.name or f"{pipeline.settings.name[: MAX_NAME - len(FORKED)]}{FORKED}"
    copy = replace(pipeline, settings=replace(pipeline.settings, name=name))
    return await store(caller, copy, team_id, response, parent_id=pipeline_id)


FORKED: Final = " (fork)"


async def require_member_of(caller: Caller, team_id: UUID) -> None:
    """Raise NotFound or RoleNeeded unless the caller may put a pipeline into a team."""
    async with caller.rows() as rows:
        role = await roles.in_team(rows, team_id)
    roles.require(role, "member", "creating a pipeline")


async def store(
    caller: Caller,
    pipeline: model.Pipeline,
    team_id: UUID,
    response: Response,
    parent_id: UUID | None = None,
) -> Pipeline:
    """Make a pipeline exist, and answer with it. The caller's role has been checked."""
    created = await pipeline_files.create(
        caller.context.directory,
        pipeline,
        team_id=team_id,
        created_by=caller.id,
        now=caller.context.clock.now(),
        parent_id=parent_id,
    )
    await document_edits.projection_of(caller, created, seq=1)
    made = await read(caller, created)
    response.headers["Location"] = f"/api/pipelines/{created}"
    return etags.answered(response, made, tag_of(made))


async def _imported(caller: Caller, yaml: str | None) -> Imported:
    if yaml is None:
        return Imported(model.Pipeline(model.PipelineSettings(name=UNTITLED)), ())
    return await caller.context.compute_queue.run(
        caller.id, read_file, yaml, name=UNTITLED, new_id=lambda: str(uuid4())
    )
