"""What programs ask the server to edit, made up from a seed."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias
from uuid import UUID

from crdt.document.schema import PipelineReader
from crdt.editing.editor import Editor
from crdt.editing.replace import make_equal, put_pipeline
from crdt.editing.verbs import (
    LAST,
    delete_connection,
    delete_step,
    move_step,
    patch_connection,
    patch_settings,
    patch_step,
    put_connection,
    put_step,
)
from crdt.pipeline.model import Json
from crdt.validation.reading import read_pipeline
from tests.convergence.edits import NAMES, PHRASES, SLOTS, TYPES, first_draft
from tests.crdt.pipelines import edited, renumbered

Verb: TypeAlias = "Callable[[Editor, Random], object]"


def change_from(seed: int) -> "Callable[[Editor], str]":
    """Choose an edit; whom it concerns is chosen when the document is at hand."""
    rng = Random(seed)
    (verb,) = rng.choices([*VERBS], [*VERBS.values()])

    def change(editor: Editor) -> str:
        verb(editor, rng)
        return verb.__name__

    return change


def _a_step(editor: Editor, rng: Random) -> str:
    return rng.choice([*sorted(editor.steps.keys()), _an_id(rng)])


def _a_connection(editor: Editor, rng: Random) -> str:
    return rng.choice([*sorted(editor.connections.keys()), _an_id(rng)])


def _an_id(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def _fields(rng: Random) -> dict[str, Json]:
    fields: dict[str, Json] = {
        "name": f"{rng.choice(NAMES)} {rng.randrange(5)}",
        "type": rng.choice(TYPES),
        "enabled": rng.random() < 0.5,
        "position": {"x": rng.randrange(900), "y": 0.5},
        "config": {"prompt": "".join(rng.choices(PHRASES, k=4)), "retries": rng.choice([None, 1])},
    }
    return fields


def _put(editor: Editor, rng: Random) -> None:
    place: dict[str, Json] = {
        "parent_step_id": rng.choice([None, _a_step(editor, rng)]),
        "slot": rng.choice(SLOTS),
    }
    put_step(editor, _an_id(rng), _fields(rng) | place)


def _patch(editor: Editor, rng: Random) -> None:
    fields = _fields(rng)
    some = rng.sample(sorted(fields), rng.randint(1, 3))
    patch_step(editor, _a_step(editor, rng), {field: fields[field] for field in some})


def _move(editor: Editor, rng: Random) -> None:
    parent = rng.choice([None, _a_step(editor, rng)])
    slot = rng.choice(SLOTS)
    siblings = [*editor.siblings(parent, slot if parent else "steps")]
    move_step(editor, _a_step(editor, rng), parent, slot, before=rng.choice([*siblings, LAST]))


def _delete(editor: Editor, rng: Random) -> None:
    delete_step(editor, _a_step(editor, rng))


def _wire(editor: Editor, rng: Random) -> None:
    ends = {"from_step_id": _a_step(editor, rng), "to_step_id": _a_step(editor, rng)}
    put_connection(editor, _an_id(rng), ends)


def _rewire(editor: Editor, rng: Random) -> None:
    patch_connection(editor, _a_connection(editor, rng), {"to_step_id": _a_step(editor, rng)})


def _unwire(editor: Editor, rng: Random) -> None:
    delete_connection(editor, _a_connection(editor, rng))


def _set(editor: Editor, rng: Random) -> None:
    description = "".join(rng.choices(PHRASES, k=4))
    tags = sorted(set(rng.choices(NAMES, k=2)))
    patch_settings(editor, {"description": description, "tags": tags, "defaults": {"t": 1}})


def _put_file(editor: Editor, rng: Random) -> None:
    pipeline = read_pipeline(PipelineReader(editor.document))
    put_pipeline(editor, renumbered(edited(pipeline, rng), by=rng.getrandbits(60)))


def _restore(editor: Editor, _: Random) -> None:
    make_equal(editor, first_draft())


VERBS: dict[Verb, float] = {
    _put: 4,
    _patch: 8,
    _move: 3,
    _delete: 1,
    _wire: 3,
    _rewire: 1,
    _unwire: 1,
    _set: 3,
    _put_file: 3,
    _restore: 1,
}
