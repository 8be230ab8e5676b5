import json
from random import Random

import pytest

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.editing.snapshots import pipeline_of, snapshot
from crdt.validation.reading import read_pipeline
from tests.crdt.pipelines import any_pipeline


@pytest.mark.parametrize("number", range(20))
def test_a_version_is_what_the_tables_show(number: int) -> None:
    pipeline, document = any_pipeline(Random(number)), Document()
    seed(document, pipeline)
    taken = snapshot(document)
    assert {step["id"]: step["name"] for step in taken.steps} == {
        step.id: step.name for step in pipeline.steps.values()
    }
    assert taken.pipeline["tags"] == [*pipeline.settings.tags]
    assert {one["id"] for one in taken.connections} == pipeline.connections.keys()
    everything = [taken.pipeline, *taken.steps, *taken.connections]
    assert json.loads(json.dumps(everything)) == everything


def test_a_stored_state_reads_as_the_pipeline_it_was() -> None:
    document = Document()
    seed(document, any_pipeline(Random(1)))
    assert pipeline_of(document.encode()) == read_pipeline(PipelineReader(document))
