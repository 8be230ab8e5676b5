"""Real pipeline files, when they lie beside the repository: import, live in a document, export."""

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from crdt.errors import PipelineFileError
from crdt.yaml.codec import Imported, read, write
from tests.conftest import Tell
from tests.crdt.through_javascript import exact, parse, through_document

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.name.endswith((".yaml", ".yml", ".tmp")))
MISSING = "no shared/corpus beside the repository: nothing to try"
NO_PIPELINES = {
    "github/workflows/elixir.yaml": 'name, "on", jobs',
    "examples/meta/genesis_example.yaml": "input, expected_output, generated_pipeline",
}


def name_of(path: Path) -> str:
    return path.relative_to(CORPUS).as_posix()


def load(path: Path) -> Imported:
    numbers = count()
    return read(path.read_bytes(), name=path.stem, new_id=lambda: f"id{next(numbers)}")


def survives(path: Path) -> bool:
    exported = write(through_document(load(path).pipeline, random.Random(1)))
    return bool(exact(parse(exported)) == exact(parse(path.read_bytes())))


@pytest.mark.parametrize("path", FILES or [CORPUS], ids=lambda path: path.name)
def test_files_survive_to_the_letter_or_are_refused_for_what_they_are(path: Path) -> None:
    if path == CORPUS:
        print(MISSING)
    elif keys := NO_PIPELINES.get(name_of(path)):
        with pytest.raises(PipelineFileError, match="not a pipeline") as caught:
            load(path)
        assert caught.value.problem.endswith(f"got the keys: {keys}")
    else:
        assert survives(path)


def test_the_table(tell: Tell) -> None:
    for line in _table():
        tell(line)


def _table() -> Iterator[str]:
    if not FILES:
        yield MISSING
        return
    yield f"{'file':<62}{'':<10}{'steps':>6}{'flows':>6}{'found':>6}  round trip"
    for path in FILES:
        yield _row(path)


def _row(path: Path) -> str:
    try:
        imported = load(path)
    except PipelineFileError:
        return f"{name_of(path):<62}{'refused':<10}"
    pipeline = imported.pipeline
    numbers = (len(pipeline.steps), len(pipeline.connections), len(imported.diagnostics))
    cells = "".join(f"{number:>6}" for number in numbers)
    return f"{name_of(path):<62}{'imported':<10}{cells}  {'same' if survives(path) else 'DIFFERS'}"
