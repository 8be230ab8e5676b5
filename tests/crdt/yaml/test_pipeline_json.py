import json
from dataclasses import replace
from itertools import count
from uuid import UUID

from crdt.pipeline.model import Connection
from crdt.yaml.codec import read
from crdt.yaml.pipeline_json import from_data, to_data

YAML = """\
workflow:
  name: everything
  description: d
  tags: [a, b]
  defaults: {model: x}
  claude_auth: {provider: y}
  other: 1.0
  steps:
    - name: loop
      type: for_loop
      steps:
        - {name: inner, type: claude, prompt: [{type: previous_response, step: loop}]}
    - just a text
"""


def test_a_pipeline_comes_back_from_its_data_as_it_was() -> None:
    ids = count(1)
    pipeline = read(YAML, name="x", new_id=lambda: str(UUID(int=next(ids)))).pipeline
    extra = Connection("c", "a", "b", path_data={"x": [1]})
    pipeline = replace(pipeline, connections={**pipeline.connections, "c": extra})
    assert pipeline.steps
    assert from_data(json.loads(json.dumps(to_data(pipeline)))) == pipeline


def test_what_stands_where_a_text_is_due_becomes_one() -> None:
    data = json.loads(json.dumps(to_data(read(YAML, name="x", new_id=lambda: "i").pipeline)))
    data["settings"] |= {"name": 5, "description": [1], "tags": [True, "b"]}
    data["steps"][0]["name"] = {"a": 1}
    data["steps"][0]["type"] = 1.5
    pipeline = from_data(data)
    assert (pipeline.settings.name, pipeline.settings.description) == ("5", "[1]")
    assert pipeline.settings.tags == ("true", "b")
    (step,) = pipeline.steps.values()
    assert (step.name, step.type) == ('{"a": 1}', "1.5")
