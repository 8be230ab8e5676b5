"""A whole pipeline as JSON data and back, for templates: nothing is left out and nothing mended."""

import json
from dataclasses import asdict
from typing import Any, Final

from crdt.pipeline.fields import CONNECTION, SETTINGS, STEP, Choice, OrderKey, Text
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

_TEXTS: Final = frozenset(
    name
    for table in (SETTINGS, STEP, CONNECTION)
    for name, field in table.items()
    if isinstance(field.kind, Text | Choice | OrderKey)
)
"""Fields that must be texts."""


def to_data(pipeline: Pipeline) -> JsonMap:
    """Write a pipeline as JSON data: its settings, and lists of steps and connections."""
    return {
        "settings": {**asdict(pipeline.settings), "tags": list(pipeline.settings.tags)},
        "steps": [asdict(step) for step in pipeline.steps.values()],
        "connections": [asdict(one) for one in pipeline.connections.values()],
    }


def from_data(data: Any) -> Pipeline:
    """Read what `to_data` wrote.

    A template may have put a value of another type where a text is required: it becomes JSON text.
    Raises KeyError and TypeError for what `to_data` does not write.
    """
    steps = [_step(one) for one in data["steps"]]
    connections = [Connection(**_texts(one)) for one in data["connections"]]
    return Pipeline(
        _settings(data["settings"]),
        {step.id: step for step in steps},
        {connection.id: connection for connection in connections},
    )


def written(value: Json) -> str:
    """Return a value as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _settings(data: Any) -> PipelineSettings:
    return PipelineSettings(**{**_texts(data), "tags": tuple(written(tag) for tag in data["tags"])})


def _step(data: Any) -> Step:
    position, size = Point(**data["position"]), Size(**data["size"])
    return Step(**{**_texts(data), "position": position, "size": size})


def _texts(data: Any) -> dict[str, Any]:
    return {
        name: written(value) if name in _TEXTS and value is not None else value
        for name, value in data.items()
    }
