"""New pipelines: empty, from YAML, and as forks of others."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.schemas.common import problems
from app.api.schemas.findings import Finding
from app.api.schemas.pipelines import Created, Fork, NewPipeline, Pipeline
from app.http import WARNING
from app.services import pipeline_files
from app.services.pipeline_files import Seed, content_of, seed_of_packed
from crdt.editing.strict_fields import check_fields
from crdt.pipeline import model
from crdt.pipeline.fields import SETTINGS
from crdt.yaml.finding import Finding as FileFinding
from persistence.errors import NotAllowed

from . import document_edits
from .pipelines import read, tag_of
from .validation import UNTITLED

router = APIRouter(prefix="/pipelines", tags=["pipelines"])


@router.post("", name="create_pipeline", status_code=201, responses=problems(403, 404))
async def create(caller: Asking, wanted: NewPipeline, response: Response) -> Created:
    """Create a pipeline in a team of yours: empty, or from Pipeline YAML v2.

    Settings beside `yaml` win over those in it. `findings` says what is odd about the YAML.
    """
    await require_member_of(caller, wanted.team_id)
    settings = wanted.settings()
    check_fields(SETTINGS, settings)
    if "tags" in settings:
        settings["tags"] = tuple(settings["tags"])
    seed, found = await _seeded(caller, wanted.yaml, settings)
    made = await store(caller, seed, wanted.team_id, response)
    findings = [Finding.of_finding(one) for one in found]
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
    context = caller.context
    async with context.compute_queue.turn(caller.id):
        seed = await pipeline_files.copy(context.log, pipeline_id, wanted.name, context.compute)
    if seed.warning:
        response.headers[WARNING] = seed.warning
    return await store(caller, seed, team_id, response, parent_id=pipeline_id)


async def require_member_of(caller: Caller, team_id: UUID) -> None:
    """Raise NotFound, RoleNeeded or QuotaReached unless the caller may put a pipeline there."""
    async with caller.rows() as rows:
        role = await roles.in_team(rows, team_id)
        roles.require(role, "member", "creating a pipeline")
        await caller.context.quotas.require(rows, "pipelines_per_team", team_id)
        await caller.context.quotas.require(rows, "bytes_per_team", team_id)


async def store(
    caller: Caller,
    pipeline: model.Pipeline | Seed,
    team_id: UUID,
    response: Response,
    parent_id: UUID | None = None,
) -> Pipeline:
    """Make a pipeline exist, and answer with it.

    The caller's role has been checked, but seconds may have gone by since: so it is checked again
    in the transaction. Raises as `require_member_of`.
    """
    try:
        created, transaction_id = await _stored(caller, pipeline, team_id, parent_id)
    except NotAllowed:
        await require_member_of(caller, team_id)
        raise
    projected = await document_edits.projection_of(caller, created, seq=1)
    if caller.writes is not None:
        caller.writes.note_rows(transaction_id)
        caller.writes.of_document = None if projected is None else projected.transaction_id
    made = await read(caller, created)
    response.headers["Location"] = f"/api/pipelines/{created}"
    return etags.answered(response, made, tag_of(made))


async def _stored(
    caller: Caller, pipeline: model.Pipeline | Seed, team_id: UUID, parent_id: UUID | None
) -> tuple[UUID, int]:
    """Store a pipeline; return its id and the transaction. Raises NotAllowed."""
    return await pipeline_files.create(
        caller.context.directory,
        pipeline,
        team_id=team_id,
        created_by=caller.id,
        now=caller.context.clock.now(),
        parent_id=parent_id,
        address=caller.address,
        needs_member=True,
        claim=caller.claim,
    )


async def _seeded(
    caller: Caller, yaml: str | None, settings: dict[str, Any]
) -> tuple[Seed, Sequence[FileFinding]]:
    """Make the seed of a new pipeline; return it with what is odd about the YAML, if any."""
    if yaml is None:
        empty = model.Pipeline(model.PipelineSettings(**{"name": UNTITLED, **settings}))
        return pipeline_files.seed_of(empty), ()
    run = caller.context.compute_queue.run
    content = await run(caller.id, content_of, yaml, UNTITLED)
    return await run(caller.id, seed_of_packed, content.packed, settings), content.findings
