"""Makes a pipeline of a tree of YAML nodes: settings, and one step per item of every slot.

Beside the data, `source` keeps what the text has and the values cannot hold (see source.py, and):

    layout    "bare" or "pipeline" where the header is not under `workflow`
    root      the root's keys beside the header
    no_steps  the header has no list of steps
    explicit  fields that were written although they have their default: `enabled: true`, `tags: []`
    shown     the names that fields show because the text gives none; never exported
    empty     slots whose list was empty
    item      the YAML text of a step that is no mapping
"""

from collections.abc import Callable, Collection
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeGuard

from crdt.errors import PipelineFileError
from crdt.pipeline.fields import MAIN_SLOT, MAX_NAME, PLAIN_OF_STEP, PlainField
from crdt.pipeline.fractional_index import fresh_keys
from crdt.pipeline.json_values import same
from crdt.pipeline.model import Json, JsonMap, PipelineSettings, Step
from crdt.pipeline.rows import UNSUPPORTED

from .nodes import Mapping, Node, Sequence, text_of
from .slots import filled_slots, place_of
from .source import Place, pointer_to, split
from .writer import inline

AUTHENTICATION: Final = ("claude_auth", "gemini_auth")
"""The header's keys that make up `PipelineSettings.authentication`."""


@dataclass(frozen=True, slots=True)
class Root:
    """Where a file keeps its header and its steps: "workflow", "bare" or "pipeline"."""

    layout: str
    node: Mapping

    @property
    def header_path(self) -> tuple[str, ...]:
        return () if self.layout == "bare" else (self.layout,)

    @property
    def steps_path(self) -> tuple[str, ...]:
        return ("workflow",) if self.layout == "workflow" else ()

    @property
    def header(self) -> Mapping:
        return self._at(self.header_path)

    @property
    def steps(self) -> Node | None:
        """Whatever stands where the steps are expected."""
        return self._at(self.steps_path).get("steps")

    def _at(self, path: tuple[str, ...]) -> Mapping:
        node = self.node.get(path[0]) if path else self.node
        assert isinstance(node, Mapping)  # noqa: S101 - `find_root` looked
        return node


def find_root(node: Node) -> Root:
    """Find the header and the steps of a pipeline file.

    Three layouts occur: everything under `workflow` (Pipeline YAML v2), everything at the root, and
    steps at the root beside a header under `pipeline`. Raises PipelineFileError for any other file.
    """
    if not isinstance(node, Mapping):
        kind = type(node).__name__.lower()
        raise PipelineFileError(f"{_EXPECTED}, got a {kind}", *node.mark)
    if isinstance(node.get("workflow"), Mapping):
        return Root("workflow", node)
    if isinstance(node.get("steps"), Sequence):
        header_apart = node.get("name") is None and isinstance(node.get("pipeline"), Mapping)
        return Root("pipeline" if header_apart else "bare", node)
    keys = ", ".join(inline(key)[:40] for key, _ in node.entries[:10]) or "none"
    raise PipelineFileError(f"{_EXPECTED}, got the keys: {keys}", *node.mark)


MAX_STEPS: Final = 20_000
"""Most steps of one file. A step of two bytes in a file takes hundreds in a document and its
tables, so the bytes of a file do not bound them."""

_EXPECTED = "not a pipeline: expected a mapping `workflow`, or a list `steps`, at the root"


def read_settings(root: Root, fallback_name: str) -> PipelineSettings:
    """Read the header and everything else that stands outside the steps.

    `fallback_name` is shown where the header has no usable name.
    """
    steps = root.steps
    is_list = _is_list(steps)
    hole = pointer_to("", *root.steps_path), "steps"
    data, source = split(root.node, [hole] if is_list else [])
    header, beside = _divide(data, root)
    source |= _unless_empty(
        layout="" if root.layout == "workflow" else root.layout, root=beside, no_steps=not is_list
    )
    return _settings(header, source, fallback_name)


def _divide(data: Json, root: Root) -> tuple[dict[str, Json], dict[str, Json]]:
    whole = _as_dict(data)
    if root.layout == "bare":
        return whole, {}
    return _as_dict(whole.pop(root.layout)), whole


def _settings(
    header: dict[str, Json], source: dict[str, Json], fallback_name: str
) -> PipelineSettings:
    fields = _Fields(header)
    name = fields.name("name", fallback_name)
    description = fields.take(
        "description", None, lambda value: value is None or isinstance(value, str)
    )
    tags = fields.take("tags", [], _is_texts)
    defaults = fields.take("defaults", {}, lambda value: isinstance(value, dict))
    return PipelineSettings(
        name=name,
        description=description if isinstance(description, str) else None,
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        defaults=_as_dict(defaults),
        authentication={key: header.pop(key) for key in AUTHENTICATION if key in header},
        config=header,
        source=source | fields.source(),
    )


class _Fields:
    """Moves entries of a config to fields of their own, and keeps what the fields cannot hold."""

    def __init__(self, config: dict[str, Json]) -> None:
        self._config = config
        self._shown: dict[str, Json] = {}
        self._explicit: list[Json] = []

    def name(self, key: str, fallback: str) -> str:
        """Take a name. One that is no text, blank or too long stays; the fallback is shown then."""
        value = self._config.get(key)
        if isinstance(value, str) and value.strip() and len(value) <= MAX_NAME:
            del self._config[key]
            return value
        self._shown[key] = fallback
        return fallback

    def take(self, key: str, default: Json, fits: Callable[[Json], bool]) -> Json:
        """Take an entry that fits the field, else the default; one that does not fit stays."""
        if key not in self._config or not fits(self._config[key]):
            return default
        value = self._config.pop(key)
        # Otherwise nothing would show afterwards that the text has the entry: see `explicit`.
        if same(value, default):
            self._explicit.append(key)
        return value

    def plain(self, table: AnyMapping[str, PlainField]) -> dict[str, Any]:
        """Take all plain fields that stand in YAML, by name."""
        return {
            name: self.take(field.yaml_key, field.default, field.accepts)
            for name, field in table.items()
            if field.yaml_key is not None
        }

    def source(self) -> dict[str, Json]:
        return _unless_empty(shown=self._shown, explicit=self._explicit)


class StepReader:
    """Reads the steps of a file, with those inside them, and remembers the node of each."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.steps: dict[str, Step] = {}
        self.nodes: dict[str, Node] = {}
        self._new_id = new_id

    def read(self, items: Sequence, parent: str | None = None, slot: str = MAIN_SLOT) -> None:
        """Read the steps of one slot in order. Raises PipelineFileError for too many steps."""
        if len(self.steps) + len(items.items) > MAX_STEPS:
            raise PipelineFileError(f"expected at most {MAX_STEPS} steps, got more", *items.mark)
        orders = fresh_keys(len(items.items))
        taken = {text_of(item.get("name")) for item in items.items if isinstance(item, Mapping)}
        for number, (item, order) in enumerate(zip(items.items, orders, strict=True), 1):
            # What is shown of a step whose item has no name, no type, or is no mapping at all.
            blank = Step(self._new_id(), _unused(f"step {number}", taken), UNSUPPORTED)
            blank = replace(blank, parent_step_id=parent, slot=slot, order=order)
            self.nodes[blank.id] = item
            if isinstance(item, Mapping):
                self._read_mapping(item, blank)
            else:
                self.steps[blank.id] = _raw(item, blank)

    def _read_mapping(self, node: Mapping, blank: Step) -> None:
        # The steps inside become entries of their own, so their lists are left out of the config.
        slots = dict(filled_slots(node))
        data, source = split(node, [_hole(name) for name in slots])
        config = _as_dict(data)
        fields = _Fields(config)
        step = replace(
            blank,
            name=fields.name("name", blank.name),
            type=fields.name("type", blank.type),
            **fields.plain(PLAIN_OF_STEP),
        )
        empty: list[Json] = [name for name, items in slots.items() if not items.items]
        source |= fields.source() | _unless_empty(empty=empty)
        self.steps[step.id] = replace(step, config=config, source=source)
        for name, items in slots.items():
            self.read(items, step.id, name)


def _raw(node: Node, blank: Step) -> Step:
    shown: JsonMap = {"name": blank.name, "type": blank.type}
    return replace(blank, source={"item": inline(node), "shown": shown})


def _unused(name: str, taken: Collection[str | None]) -> str:
    """Vary a name until no step of the list has it.

    The names of siblings are unique in the tables, where one of two equal ones would be numbered.
    """
    while name in taken:
        name += " (unnamed)"
    return name


def _hole(slot: str) -> Place:
    place = place_of(slot)
    return place.pointer, inline(place.key)


def _is_list(node: Node | None) -> TypeGuard[Sequence]:
    return isinstance(node, Sequence) and node.tag is None


def _is_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _as_dict(value: Json) -> dict[str, Json]:
    return dict(value) if isinstance(value, dict) else {}


def _unless_empty(**parts: Json) -> dict[str, Json]:
    return {name: part for name, part in parts.items() if part}
