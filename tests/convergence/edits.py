"""What people do to a pipeline, made up from a seed; one of them is up to no good."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

from pycrdt import Array, Doc, Map, Text

from crdt.document.schema import shared_connection, shared_step
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Point, Step
from tests.crdt.entries import key
from tests.crdt.vandal import Vandal

Edit: TypeAlias = "Callable[[Author, Doc[Any]], None]"

NAMES = ["fetch", "fetch (2)", "summarise", "été", "織機"]
TYPES = ["claude", "gemini", "for_loop", "switch", "teleport"]
ORDERS = ["Zz", "a0", "a0V", "a1", "a2"]
SLOTS = ["steps", "default", "on_error"]
PHRASES = ["weave ", "é", "😀", "織", "\n", "{{steps.a}}"]


def first_draft() -> Pipeline:
    """A small pipeline to begin with: four steps in a row, wired."""
    ids = [key(number) for number in range(1, 5)]
    steps = [
        Step(one, f"step {place}", "claude", order=f"a{place}", config={"prompt": "hé😀"})
        for place, one in enumerate(ids)
    ]
    wires = [Connection(key(20 + at), ids[at], ids[at + 1]) for at in range(3)]
    settings = PipelineSettings("Loom", description="wärp", tags=("seed",))
    return Pipeline(settings, {s.id: s for s in steps}, {w.id: w for w in wires})


class Author:
    """Makes one edit after another, each in one transaction."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.vandal = Vandal(random.getrandbits(32))

    def edit(self, doc: "Doc[Any]") -> str:
        """Do something to the document; return what it was."""
        edits = self.random.choices([*EDITS], [*EDITS.values()], k=self.random.choice([1, 1, 1, 3]))
        with doc.transaction():
            for edit in edits:
                edit(self, doc)
        return ", ".join(edit.__name__.lstrip("_") for edit in edits)

    def new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def any_step(self, doc: "Doc[Any]") -> "Map[Any] | None":
        return self.any_map(_root(doc, "steps"))

    def any_map(self, root: "Map[Any]") -> "Map[Any] | None":
        maps = [value for one in sorted(root.keys()) if isinstance(value := root[one], Map)]
        return self.random.choice(maps) if maps else None

    def any_key(self, root: "Map[Any]") -> str | None:
        keys = sorted(root.keys())
        return self.random.choice(keys) if keys else None


def _root(doc: "Doc[Any]", name: str) -> "Map[Any]":
    root: Map[Any] = doc.get(name, type=Map)
    return root


def _set(author: Author, doc: "Doc[Any]", field: str, value: object) -> None:
    if (step := author.any_step(doc)) is not None:
        step[field] = value


def _add_step(author: Author, doc: "Doc[Any]") -> None:
    pick, steps = author.random.choice, _root(doc, "steps")
    step = Step(
        author.new_id(),
        pick(NAMES),
        pick(TYPES),
        parent_step_id=pick([None, None, author.any_key(steps)]),
        slot=pick(SLOTS),
        order=pick(ORDERS),
        position=Point(pick([0, 12.5, 400]), pick([0, -3])),
        config={"prompt": pick(PHRASES), "retries": pick([1, 2.5])},
    )
    steps[step.id] = shared_step(step)


def _delete_step(author: Author, doc: "Doc[Any]") -> None:
    steps = _root(doc, "steps")
    if (one := author.any_key(steps)) is not None:
        del steps[one]


def _rename(author: Author, doc: "Doc[Any]") -> None:
    _set(author, doc, "name", author.random.choice(NAMES))


def _reorder(author: Author, doc: "Doc[Any]") -> None:
    _set(author, doc, "order", author.random.choice(ORDERS))


def _reparent(author: Author, doc: "Doc[Any]") -> None:
    parent = author.random.choice([None, author.any_key(_root(doc, "steps"))])
    _set(author, doc, "parent_step_id", parent)


def _change_slot(author: Author, doc: "Doc[Any]") -> None:
    _set(author, doc, "slot", author.random.choice(SLOTS))


def _move(author: Author, doc: "Doc[Any]") -> None:
    _set(author, doc, "position", {"x": author.random.randrange(900), "y": 0.5})


def _resize(author: Author, doc: "Doc[Any]") -> None:
    _set(author, doc, "size", {"width": author.random.randrange(1, 900), "height": 80})


def _toggle(author: Author, doc: "Doc[Any]") -> None:
    _set(author, doc, "enabled", author.random.random() < 0.5)


def _change_type(author: Author, doc: "Doc[Any]") -> None:
    _set(author, doc, "type", author.random.choice(TYPES))


def _configure(author: Author, doc: "Doc[Any]") -> None:
    step = author.any_step(doc)
    config = None if step is None else step.get("config")
    if isinstance(config, Map):
        config[author.random.choice(["retries", "model"])] = author.random.choice([1, True, "x"])


def _type_into_prompt(author: Author, doc: "Doc[Any]") -> None:
    step = author.any_step(doc)
    config = None if step is None else step.get("config")
    prompt = config.get("prompt") if isinstance(config, Map) else None
    if isinstance(prompt, Text):
        _type(author.random, prompt)


def _type_into_description(author: Author, doc: "Doc[Any]") -> None:
    description = _root(doc, "pipeline").get("description")
    if isinstance(description, Text):
        _type(author.random, description)


def _type(random: Random, text: Text) -> None:
    written = str(text)
    start = random.randint(0, len(written))
    end = min(len(written), start + random.choice([0, 0, 1, 4]))
    # The library counts UTF-8 bytes, and must not be asked to cut a character in two.
    left, right = (len(written[:place].encode()) for place in (start, end))
    if left < right:
        del text[left:right]
    text.insert(left, random.choice(PHRASES))


def _wire(author: Author, doc: "Doc[Any]") -> None:
    connection = Connection(author.new_id(), *_ends(author, doc))
    _root(doc, "connections")[connection.id] = shared_connection(connection)


def _rewire(author: Author, doc: "Doc[Any]") -> None:
    connection = author.any_map(_root(doc, "connections"))
    if connection is not None:
        start, end = _ends(author, doc)
        ends = {"from_step_id": start, "to_step_id": end, "from_output": "o", "to_input": "i"}
        connection["ends"] = ends


def _ends(author: Author, doc: "Doc[Any]") -> tuple[str, str]:
    steps = _root(doc, "steps")
    return author.any_key(steps) or author.new_id(), author.any_key(steps) or author.new_id()


def _unwire(author: Author, doc: "Doc[Any]") -> None:
    connections = _root(doc, "connections")
    if (one := author.any_key(connections)) is not None:
        del connections[one]


def _change_settings(author: Author, doc: "Doc[Any]") -> None:
    settings = _root(doc, "pipeline")
    settings["name"] = author.random.choice(NAMES)
    settings["status"] = author.random.choice(["draft", "active"])


def _change_tags(author: Author, doc: "Doc[Any]") -> None:
    tags = _root(doc, "pipeline").get("tags")
    if isinstance(tags, Array):
        if len(tags) and author.random.random() < 0.5:
            del tags[author.random.randrange(len(tags))]
        else:
            tags.insert(author.random.randint(0, len(tags)), author.random.choice(NAMES))


def _vandalise_steps(author: Author, doc: "Doc[Any]") -> None:
    steps = _root(doc, "steps")
    target = author.random.choice([*author.vandal.step_keys, *sorted(steps.keys())])
    steps[target] = _shared(author, author.vandal.any_step())


def _vandalise_connections(author: Author, doc: "Doc[Any]") -> None:
    target = author.random.choice(author.vandal.wire_keys)
    _root(doc, "connections")[target] = _shared(author, author.vandal.any_wire())


def _vandalise_settings(author: Author, doc: "Doc[Any]") -> None:
    settings = _storable(author.vandal.any_settings())
    if isinstance(settings, dict):
        _root(doc, "pipeline").update(settings)


def _shared(author: Author, value: object) -> object:
    """A value as it is, or, if it is a mapping, perhaps as a shared type."""
    storable = _storable(value)
    return (
        Map(storable) if isinstance(storable, dict) and author.random.random() < 0.7 else storable
    )


def _storable(value: object) -> object:
    """Leave out integers of more than 64 bits: the library panics over them at once."""
    return json.loads(json.dumps(value), parse_int=lambda digits: int(digits[:15]))


EDITS: dict[Edit, float] = {
    _add_step: 5,
    _delete_step: 3,
    _rename: 3,
    _reorder: 3,
    _reparent: 4,
    _change_slot: 1,
    _move: 5,
    _resize: 1,
    _toggle: 2,
    _change_type: 2,
    _configure: 2,
    _type_into_prompt: 8,
    _type_into_description: 2,
    _wire: 3,
    _rewire: 3,
    _unwire: 1,
    _change_settings: 1,
    _change_tags: 1,
    _vandalise_steps: 0.7,
    _vandalise_connections: 0.5,
    _vandalise_settings: 0.2,
}
