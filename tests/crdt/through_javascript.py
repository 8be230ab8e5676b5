"""What a pipeline looks like after a stay in a document, and YAML as another reader sees it."""

import json
import random
from dataclasses import replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from crdt.pipeline.model import Json, JsonMap, Pipeline


class _TextualDates(SafeConstructor):  # type: ignore[misc, unused-ignore]
    """ruamel's constructor with timestamps left as texts, as the core schema has it."""


_TextualDates.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def parse(text: str | bytes) -> Any:
    """Parse YAML 1.2 with ruamel's own constructor."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _TextualDates
    return yaml.load(text)


def exact(value: Any) -> Any:
    """Make values comparable to the letter: 1, 1.0 and True differ, and so does key order."""
    if isinstance(value, dict):
        return ("map", [(exact(key), exact(item)) for key, item in value.items()])
    if isinstance(value, list):
        return ("list", [exact(item) for item in value])
    return type(value).__name__, repr(value)


def through_document(pipeline: Pipeline, rng: random.Random) -> Pipeline:
    """Send every value through JSON, doubles and mappings without order, as a document does."""
    settings = replace(
        pipeline.settings,
        config=_stored(pipeline.settings.config, rng),
        defaults=_stored(pipeline.settings.defaults, rng),
        authentication=_stored(pipeline.settings.authentication, rng),
        source=_stored(pipeline.settings.source, rng),
    )
    steps = {
        id_: replace(step, config=_stored(step.config, rng), source=_stored(step.source, rng))
        for id_, step in _shuffled(dict(pipeline.steps), rng).items()
    }
    return replace(pipeline, settings=settings, steps=steps)


def _stored(value: JsonMap, rng: random.Random) -> JsonMap:
    text = json.dumps(value, allow_nan=False)
    stored = _read_back(json.loads(text, parse_int=_double), rng)
    assert isinstance(stored, dict)
    return stored


def _double(digits: str) -> float:
    assert abs(int(digits)) <= 2**53, f"{digits} loses digits in a document"
    return float(digits)


def _read_back(value: Any, rng: random.Random) -> Json:
    if isinstance(value, dict):
        return _shuffled({key: _read_back(item, rng) for key, item in value.items()}, rng)
    if isinstance(value, list):
        return [_read_back(item, rng) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value  # type: ignore[no-any-return]


def _shuffled(value: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    return dict(rng.sample(list(value.items()), len(value)))
