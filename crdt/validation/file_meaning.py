"""Reads a pipeline file with all that a runner would hold against it.

`crdt/yaml/lint.py` finds what the text shows at one place; what depends on several steps is found
here, by the same rules as in a document that people edit.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from crdt.pipeline.fields import MAIN_SLOT
from crdt.pipeline.model import Step
from crdt.pipeline.rows import STEP_TYPES, UNSUPPORTED
from crdt.yaml.codec import Finding as FileFinding
from crdt.yaml.codec import Imported, read

from .diagnostics import Code
from .meaning import Meaning
from .missing_fields import Finding
from .references import MeantStep

_BY_SEVERAL: Final = frozenset((Code.AMBIGUOUS_REFERENCE, Code.UNREACHABLE_STEP, Code.DATA_CYCLE))


def read_file(text: str | bytes, *, name: str, new_id: Callable[[], str]) -> Imported:
    """Read a pipeline file as `crdt.yaml.codec.read` does, and find what its steps mean together.

    Raises what that raises.
    """
    imported = read(text, name=name, new_id=new_id)
    found = (*imported.diagnostics, *_meaning(imported))
    return replace(
        imported, diagnostics=tuple(sorted(found, key=lambda one: (one.line, one.column)))
    )


def _meaning(imported: Imported) -> Iterator[FileFinding]:
    meaning = Meaning()
    steps = imported.pipeline.steps
    meaning.update({id_: _meant(step) for id_, step in steps.items()}, {})
    for id_, step in steps.items():
        for one in meaning.findings(id_):
            if one.code in _BY_SEVERAL:
                yield _in_file(one, step, *imported.marks[id_])


def _meant(step: Step) -> MeantStep:
    type_ = step.type if step.type in STEP_TYPES else UNSUPPORTED
    slot = MAIN_SLOT if step.parent_step_id is None else step.slot
    scope = step.parent_step_id, slot
    return MeantStep(step.name, type_, step.config, scope, step.order, step.enabled)


def _in_file(one: Finding, step: Step, line: int, column: int) -> FileFinding:
    severity = one.severity or one.code.severity
    message = f"{step.name!r}: {one.message.removesuffix('.')}"
    return FileFinding(severity, one.code.replace("_", "-"), message, line, column)
