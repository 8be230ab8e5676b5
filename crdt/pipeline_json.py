"""A whole pipeline as JSON data and back, for templates: nothing is left out and nothing mended."""

from dataclasses import asdict
from typing import Any

from .pipeline import Connection, JsonMap, Pipeline, Point, Settings, Size, Step


def to_data(pipeline: Pipeline) -> JsonMap:
    """Write a pipeline as JSON data: its settings, and lists of steps and connections."""
    return {
        "settings": {**asdict(pipeline.settings), "tags": list(pipeline.settings.tags)},
        "steps": [asdict(step) for step in pipeline.steps.values()],
        "connections": [asdict(one) for one in pipeline.connections.values()],
    }


def from_data(data: Any) -> Pipeline:
    """Read what `to_data` wrote."""
    steps = [_step(one) for one in data["steps"]]
    connections = [Connection(**one) for one in data["connections"]]
    return Pipeline(
        Settings(**{**data["settings"], "tags": tuple(data["settings"]["tags"])}),
        {step.id: step for step in steps},
        {connection.id: connection for connection in connections},
    )


def _step(data: Any) -> Step:
    position, size = Point(**data["position"]), Size(**data["size"])
    return Step(**{**data, "position": position, "size": size})
