"""A whole pipeline read out of a document, as its authors wrote it and as the tables nest it."""

from collections.abc import Mapping

from crdt.document.schema import PipelineReader
from crdt.pipeline.fields import plain_values
from crdt.pipeline.model import (
    Connection,
    Json,
    JsonMap,
    Pipeline,
    PipelineSettings,
    Point,
    Size,
    Step,
)
from crdt.pipeline.rows import ConnectionRow, PipelineRow, StepRow

from .meaning import Meaning
from .valid_pipeline import ValidPipeline


def read_pipeline(reader: PipelineReader) -> Pipeline:
    """Read everything that has a row.

    Parents, slots, plain fields and what had to be mended come from the rows; names, types and
    config as they were written, since an export must not change what it was given.
    """
    valid = read_valid(reader)
    rows = valid.rows()
    steps = (_step(_mapping(reader.step(str(row.id))), row) for row in rows.steps.values())
    connections = (_connection(row) for row in rows.connections.values())
    return Pipeline(
        _settings(_mapping(reader.settings()), valid.settings()),
        {step.id: step for step in steps},
        {connection.id: connection for connection in connections},
    )


def read_valid(reader: PipelineReader, meaning: Meaning | None = None) -> ValidPipeline:
    """Read everything once and make it valid; with a `meaning`, see `ValidPipeline`."""
    valid = ValidPipeline(meaning)
    valid.update(
        settings=reader.settings(),
        steps={key: reader.step(key) for key in reader.step_keys()},
        connections={key: reader.connection(key) for key in reader.connection_keys()},
    )
    return valid


def _settings(raw: JsonMap, row: PipelineRow) -> PipelineSettings:
    return PipelineSettings(
        name=_text(raw, "name", row.name),
        description=_optional_text(raw, "description"),
        **plain_values(row),
        tags=tuple(tag for tag in _list(raw, "tags") if isinstance(tag, str)),
        config=_mapping(raw.get("config")),
        defaults=_mapping(raw.get("defaults")),
        authentication=_mapping(raw.get("authentication")),
        source=_mapping(raw.get("source")),
    )


def _step(raw: JsonMap, row: StepRow) -> Step:
    return Step(
        id=str(row.id),
        name=_text(raw, "name", row.name),
        type=_text(raw, "type", row.type),
        **plain_values(row),
        parent_step_id=None if row.parent_step_id is None else str(row.parent_step_id),
        slot=_text(raw, "slot", row.slot) if row.parent_step_id else row.slot,
        order=_text(raw, "order", ""),
        position=Point(row.position_x, row.position_y),
        size=Size(row.width, row.height),
        config=_mapping(raw.get("config")),
        source=_mapping(raw.get("source")),
    )


def _connection(row: ConnectionRow) -> Connection:
    return Connection(
        id=str(row.id),
        from_step_id=str(row.from_step_id),
        to_step_id=str(row.to_step_id),
        from_output=row.from_output,
        to_input=row.to_input,
        **plain_values(row),
    )


def _text(raw: JsonMap, key: str, default: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else default


def _optional_text(raw: JsonMap, key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) else None


def _list(raw: JsonMap, key: str) -> list[Json]:
    value = raw.get(key)
    return value if isinstance(value, list) else []


def _mapping(value: object) -> JsonMap:
    return value if isinstance(value, Mapping) else {}
