"""No model of the API forgets a field of the schema."""

import pytest
from pydantic import BaseModel, ValidationError

from app.api.schemas.connections import Connection, ConnectionPatch, NewConnection
from app.api.schemas.pipelines import SETTINGS as SHOWN_SETTINGS
from app.api.schemas.pipelines import Pipeline, PipelinePatch
from app.api.schemas.plain_fields import takes_plain
from app.api.schemas.steps import NewStep, Step, StepPatch
from crdt.pipeline.fields import CONNECTION, SETTINGS, STEP, Field, PlainField, Text


@pytest.mark.parametrize(
    ("model", "table", "left_out"),
    [
        (Step, STEP, {"order"}),
        (NewStep, STEP, {"order"}),
        (StepPatch, STEP, {"order"}),
        (Connection, CONNECTION, set()),
        (NewConnection, CONNECTION, set()),
        (ConnectionPatch, CONNECTION, set()),
        (Pipeline, SETTINGS, set()),
        # The version of YAML is that of the files a pipeline came from.
        (PipelinePatch, SETTINGS, {"yaml_version"}),
    ],
)
def test_a_model_has_every_field(
    model: type[BaseModel], table: dict[str, Field], left_out: set[str]
) -> None:
    assert table.keys() - model.model_fields.keys() == left_out


@pytest.mark.parametrize(("model", "table"), [(NewStep, STEP), (NewConnection, CONNECTION)])
def test_what_need_not_be_given_has_the_default_of_the_schema(
    model: type[BaseModel], table: dict[str, Field]
) -> None:
    given = {"name": "a", "type": "claude"} if table is STEP else dict.fromkeys(ENDS, ID)
    made = model.model_validate(given).model_dump(mode="json")
    for name, field in table.items():
        assert name in (*given, "order") or made[name] == field.default, name


ID = "00000000-0000-4000-8000-000000000001"
ENDS = ("from_step_id", "to_step_id")


def test_the_etag_of_a_pipeline_is_of_all_its_settings() -> None:
    assert {*SHOWN_SETTINGS} == SETTINGS.keys()


def test_a_plain_field_is_checked_as_edits_check_it() -> None:
    field = PlainField(Text(3, may_be_blank=True), None, is_nullable=True)

    @takes_plain({"note": field})
    class Note(BaseModel):
        """A note."""

    assert Note.model_validate({"note": None}).model_dump() == {"note": None}
    assert Note.model_validate({}).model_dump() == {"note": None}
    with pytest.raises(ValidationError, match='of at most 3 characters, got "abcd"'):
        Note.model_validate({"note": "abcd"})
    schema = Note.model_json_schema()
    assert schema["properties"]["note"]["anyOf"] == [
        {"type": "string", "maxLength": 3},
        {"type": "null"},
    ]
    assert (schema["title"], schema["description"]) == ("Note", "A note.")
