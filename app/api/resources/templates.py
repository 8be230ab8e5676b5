"""`/templates`: pipelines to make pipelines of, with variables to fill in.

A text of the pipeline may contain `{{template.name}}`; see `crdt/yaml/template_variables.py`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response

from app.api.core import etags, roles
from app.api.core.context import Asking, Caller
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.locked_rows import LockedRow
from app.api.core.pagination import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from app.api.core.problems import Invalid, NotFound
from app.api.schemas.common import problems
from app.api.schemas.pipelines import Pipeline
from app.api.schemas.templates import (
    Instance,
    NewTemplate,
    Template,
    TemplatePatch,
    TemplateSummary,
)
from app.services import pipeline_files
from crdt.yaml.pipeline_json import from_data, to_data
from crdt.yaml.template_variables import RESERVED, TooMuchText, filled, variables_of
from persistence.ports.user_rows import Record, UserRows

from .pipeline_creation import require_member_of, store
from .pipelines import read as read_pipeline_row

router = APIRouter(prefix="/templates", tags=["templates"])


def _show(row: Mapping[str, Any]) -> Template:
    return Template.of({**row, "variables": variables_of(row["pipeline_config"])})


_BY_CREATION: Final = Keyset("templates", NEWEST_FIRST)
_ROW: Final = LockedRow(
    _show,
    "lock_template",
    "write_template",
    ("name", "description", "category", "icon", "default_values"),
)


@router.get("", name="list_templates", responses=problems(400))
async def index(
    caller: Asking,
    team: UUID | None = None,
    category: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TemplateSummary]:
    """List the templates of your teams, newest first."""
    after = _BY_CREATION.after(cursor)
    async with caller.rows() as rows:
        found = await rows.fetch("templates", team, category, *after, limit + 1)
    return _BY_CREATION.page(found, limit, TemplateSummary.of)


@router.post("", name="create_template", status_code=201, responses=problems(403, 404))
async def create(caller: Asking, wanted: NewTemplate, response: Response) -> Template:
    """Make a template of a pipeline as it is now."""
    source = await read_pipeline_row(caller, wanted.pipeline_id)
    team_id = wanted.team_id or source.team_id
    await require_member_of(caller, team_id)
    data = await _data_of(caller, wanted.pipeline_id)
    _check_variables(data, wanted.default_values)
    template_id = uuid4()
    async with caller.rows() as rows:
        await caller.context.quotas.require(rows, "templates_per_team", team_id)
        await rows.execute(
            "new_template",
            template_id,
            team_id,
            wanted.pipeline_id,
            wanted.name,
            wanted.description,
            wanted.category,
            wanted.icon,
            data,
            wanted.default_values,
        )
        row = await _read(rows, template_id)
    response.headers["Location"] = f"/api/templates/{template_id}"
    return etags.answered(response, _show(row), _ROW.tag(row))


@router.get("/{template_id}", name="get_template", responses=problems(304, 404))
async def show(
    caller: Asking, template_id: UUID, response: Response, if_none_match: IfNoneMatch = None
) -> Template:
    """Read a template with its content and the names of its variables."""
    async with caller.rows() as rows:
        row = await _read(rows, template_id)
    return etags.answered(response, _show(row), _ROW.tag(row), if_none_match)


@router.patch("/{template_id}", name="patch_template", responses=problems(403, 404, 412))
async def change(
    caller: Asking,
    template_id: UUID,
    changes: TemplatePatch,
    response: Response,
    if_match: IfMatch = None,
) -> Template:
    """Change what a template is called and its default values."""
    given = changes.given()
    async with caller.rows() as rows:
        present = await _read(rows, template_id)
        role = await roles.in_team(rows, present["team_id"])
        roles.require(role, "member", "editing a template")
        _check_variables(present["pipeline_config"], given.get("default_values", {}))
        row = await _ROW.change(rows, (template_id,), given, if_match)
    return etags.answered(response, _show(row), _ROW.tag(row))


@router.delete(
    "/{template_id}", name="delete_template", status_code=204, responses=problems(403, 404)
)
async def delete(caller: Asking, template_id: UUID) -> None:
    """Delete a template, as an owner or admin; pipelines made of it stay."""
    async with caller.rows() as rows:
        row = await _read(rows, template_id)
        role = await roles.in_team(rows, row["team_id"])
        roles.require(role, "admin", "deleting a template")
        await rows.fetchval("remove_template", template_id)


@router.post(
    "/{template_id}/instantiate",
    name="instantiate_template",
    status_code=201,
    responses=problems(403, 404),
)
async def instantiate(
    caller: Asking, template_id: UUID, wanted: Instance, response: Response
) -> Pipeline:
    """Make a pipeline of a template; variables without a value have their default."""
    async with caller.rows() as rows:
        row = await _read(rows, template_id)
    await require_member_of(caller, wanted.team_id)
    data = _instance(row, wanted)
    made = await store(caller, from_data(data), wanted.team_id, response)
    async with caller.rows() as rows:
        await rows.fetchval("use_template", template_id)
    return made


def _instance(row: Record, wanted: Instance) -> Any:
    """The data of a template with all values filled in. Raises Invalid."""
    template = row["pipeline_config"]
    _check_variables(template, wanted.variables, "variables")
    values = {**row["default_values"], **wanted.variables}
    if missing := [name for name in variables_of(template) if name not in values]:
        raise Invalid(*((f"body.variables.{name}", "expected a value") for name in missing))
    try:
        data: Any = filled(template, values)
    except TooMuchText as error:
        raise Invalid(("body.variables", str(error))) from error
    name = {} if wanted.name is None else {"name": wanted.name}
    return {**data, "settings": {**data["settings"], "is_template": False, **name}}


async def _data_of(caller: Caller, pipeline_id: UUID) -> Any:
    """A pipeline as data. Raises Invalid if what looks like variables means a step."""
    async with caller.context.compute_queue.turn(caller.id):
        pipeline = await pipeline_files.read(caller.context.log, pipeline_id)
    data = to_data(pipeline)
    if variables_of(data) and any(step.name == RESERVED for step in pipeline.steps.values()):
        what = f"a step is called {RESERVED}, so {{{{{RESERVED}.…}}}} may mean it: rename it"
        raise Invalid(("body.pipeline_id", what))
    return data


def _check_variables(data: Any, values: Mapping[str, Any], field: str = "default_values") -> None:
    known = variables_of(data)
    if unknown := [name for name in values if name not in known]:
        there = ", ".join(known) or "none"
        what = f"no variable of this template; it has: {there}"
        raise Invalid(*((f"body.{field}.{name}", what) for name in unknown))


async def _read(rows: UserRows, template_id: UUID) -> Record:
    row = await rows.fetchrow("template", template_id)
    if row is None:
        raise NotFound(f"no template {template_id}: check the id")
    return row
