"""Makes a tree of YAML nodes of a pipeline, arranged as its source has it where that still fits.

Nothing is added: a field with its default value is written only where the imported text had it.
"""

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence

from crdt.errors import PipelineFileError
from crdt.pipeline.fields import PLAIN_OF_STEP, plain_values
from crdt.pipeline.json_values import same
from crdt.pipeline.model import Json, JsonMap, Pipeline, PipelineSettings, Step
from crdt.pipeline.placement import Children, children_of

from .nodes import Node, Scalar, Sequence, text_of
from .reader import read_tree
from .slots import place_of
from .source import join, pointer_to
from .writer import inline


def build_tree(pipeline: Pipeline) -> Node:
    """Build the YAML of a pipeline.

    Left out are steps whose chain of parents does not lead to the top level. Raises RecursionError
    for values or steps that are nested too deep.
    """
    settings, children = pipeline.settings, children_of(pipeline.steps)
    layout = settings.source.get("layout")
    layout = layout if layout in ("bare", "pipeline") else "workflow"
    header = _header(settings)
    root = header if layout == "bare" else {**_mapping(settings.source, "root"), layout: header}
    at = pointer_to("", "workflow") if layout == "workflow" else ""
    steps = _items(_top_level(children), children)
    grafts = {at: [(Scalar("steps"), steps)]} if _has_list(settings, steps) else {}
    return join(root, settings.source, grafts)


def _top_level(children: Children) -> list[Step]:
    # A text has one list at the top, but a client may have given such a step any slot.
    slots = children.get(None, {}).values()
    return sorted((step for steps in slots for step in steps), key=lambda one: (one.order, one.id))


def _has_list(settings: PipelineSettings, steps: Sequence) -> bool:
    return bool(steps.items) or not settings.source.get("no_steps")


def _header(settings: PipelineSettings) -> dict[str, Json]:
    explicit = _texts(settings.source, "explicit")
    fields: dict[str, Json] = {
        "description": settings.description,
        "tags": list(settings.tags),
        "defaults": settings.defaults,
    }
    return {
        **settings.config,
        **_unless_shown(settings.source, name=settings.name),
        **{key: value for key, value in fields.items() if key in explicit or _has_content(value)},
        **settings.authentication,
    }


def _has_content(value: Json) -> bool:
    return value is not None and value not in ([], {})


def _items(steps: Iterable[Step], children: Children) -> Sequence:
    return Sequence(tuple(_item(step, children) for step in steps))


def _item(step: Step, children: Children) -> Node:
    slots = children.get(step.id, {})
    raw = None if slots else _raw_item(step)
    return _step(step, slots, children) if raw is None else raw


def _raw_item(step: Step) -> Node | None:
    """Return the item of an imported step that was no mapping and that nobody has edited since."""
    text = step.source.get("item")
    if not isinstance(text, str) or step.config or _plain(step) or _named(step):
        return None
    try:
        return read_tree(text).root
    except PipelineFileError:
        return None


def _step(step: Step, slots: AnyMapping[str, list[Step]], children: Children) -> Node:
    data: dict[str, Json] = {**step.config, **_named(step), **_plain(step)}
    lists = {slot: Sequence() for slot in _texts(step.source, "empty") if _is_free(data, slot)}
    lists |= {slot: _items(steps, children) for slot, steps in slots.items()}
    grafts: dict[str, list[tuple[Node, Node]]] = {}
    for slot, items in lists.items():
        place = place_of(slot)
        # The list can be grafted only onto a mapping, which an edit may have taken away.
        data = _with_mapping_at(data, place.path)
        grafts.setdefault(place.pointer, []).append((place.key, items))
    return join(data, step.source, grafts)


def _is_free(data: JsonMap, slot: str) -> bool:
    """Return whether an empty list still has its place: an edit may have taken or removed it."""
    place = place_of(slot)
    for name in place.path:
        value = data.get(name)
        if not isinstance(value, AnyMapping):
            return False
        data = value
    return (text_of(place.key) or inline(place.key)) not in data


def _named(step: Step) -> dict[str, Json]:
    return _unless_shown(step.source, name=step.name, type=step.type)


def _plain(step: Step) -> dict[str, Json]:
    """Return the plain fields, by key, that differ from the default or were written in the text."""
    explicit = _texts(step.source, "explicit")
    return {
        field.yaml_key: value
        for name, value in plain_values(step).items()
        if (field := PLAIN_OF_STEP[name]).yaml_key is not None
        and (field.yaml_key in explicit or not same(value, field.default))
    }


def _unless_shown(source: JsonMap, **fields: str) -> dict[str, Json]:
    # A name or type is shown where the text had none, and is written only if somebody changed it.
    shown = _mapping(source, "shown")
    return {key: value for key, value in fields.items() if shown.get(key) != value}


def _with_mapping_at(data: JsonMap, path: tuple[str, ...]) -> dict[str, Json]:
    if not path:
        return dict(data)
    first, *rest = path
    return {**data, first: _with_mapping_at(_mapping(data, first), tuple(rest))}


def _mapping(data: JsonMap, key: str) -> JsonMap:
    value = data.get(key)
    return value if isinstance(value, AnyMapping) else {}


def _texts(data: JsonMap, key: str) -> list[str]:
    value = data.get(key)
    return (
        [text for text in value if isinstance(text, str)] if isinstance(value, AnySequence) else []
    )
