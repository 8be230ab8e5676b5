"""Pipeline YAML v2 in and out: `read` text to a pipeline, `write` a pipeline to text.

What is read and written again holds the same data in the same order, down to 1 against 1.0 and
`true:` against `"true":`; comments and quoting styles are not kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from crdt.errors import PipelineFileError
from crdt.pipeline.data_flow import derive_connections
from crdt.pipeline.layout import lay_out
from crdt.pipeline.model import Pipeline

from .exporter import build_tree
from .finding import Finding
from .importer import StepReader, find_root, read_settings
from .lint import check, check_references, detect_version
from .nodes import Mark, Sequence
from .reader import MAX_BYTES, MAX_DEPTH, MAX_NODES, read_tree
from .writer import emit

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "Finding",
    "Imported",
    "read",
    "write",
]


@dataclass(frozen=True, slots=True)
class Imported:
    """A pipeline made from a file, and what was odd about the file, in the order of its lines.

    `marks` has the place in the text of each step by id.
    """

    pipeline: Pipeline
    diagnostics: tuple[Finding, ...]
    marks: Mapping[str, Mark] = field(default_factory=dict)


def read(text: str | bytes, *, name: str, new_id: Callable[[], str]) -> Imported:
    """Read a pipeline file, derive its connections and lay its steps out on the canvas.

    `name` is the name of the pipeline where the text has none; `new_id` makes the id of each step.
    Whatever can be parsed and has a place for steps is imported, and its faults are reported as
    findings. Reading takes about five seconds per megabyte: keep it off the event loop.

    Raises PipelineFileError for a text that is no pipeline or beyond MAX_BYTES, MAX_NODES,
    MAX_DEPTH or MAX_STEPS.
    """
    tree = read_tree(text)
    root = find_root(tree.root)
    settings = replace(read_settings(root, name), yaml_version=detect_version(root))
    reader = StepReader(new_id)
    if isinstance(root.steps, Sequence) and root.steps.tag is None:
        reader.read(root.steps)
    pipeline = _arranged(Pipeline(settings, reader.steps))
    findings = (*tree.findings, *check(root), *check_references(pipeline, reader.nodes))
    in_order = tuple(sorted(findings, key=lambda one: (one.line, one.column)))
    return Imported(pipeline, in_order, {id_: node.mark for id_, node in reader.nodes.items()})


def write(pipeline: Pipeline) -> str:
    """Write a pipeline as YAML, without what only the canvas needs.

    The text has no ids, no positions or sizes, and no connections that were drawn by hand.

    Raises PipelineFileError when steps or values are nested too deep to be written.
    """
    try:
        return emit(build_tree(pipeline))
    except RecursionError as error:
        problem = f"expected at most {MAX_DEPTH} levels of nesting, got far more: flatten the steps"
        raise PipelineFileError(problem) from error


def _arranged(pipeline: Pipeline) -> Pipeline:
    connections = {one.id: one for one in derive_connections(pipeline)}
    connected = replace(pipeline, connections=connections)
    places = lay_out(connected)
    steps = {
        id_: replace(step, position=places[id_][0], size=places[id_][1])
        for id_, step in pipeline.steps.items()
    }
    return replace(connected, steps=steps)
