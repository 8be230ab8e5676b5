"""Matching the steps of an imported file, which have new ids, with those of the present pipeline.

A YAML file has no ids, no places on the canvas and no connections drawn by hand. Importing it over
a pipeline must change only what the file has differently, so each of its steps takes the id and the
place of the present step that it matches.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID, uuid5

from crdt.pipeline.data_flow import CONNECTION_NAMESPACE, derive_connections
from crdt.pipeline.fields import PLAIN_OF_STEP
from crdt.pipeline.json_values import same
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Step
from crdt.pipeline.placement import Children, children_of
from crdt.pipeline.reordering import reordered

Pairs: TypeAlias = dict[str, str]
"""Id in the imported file -> id of the matching step of the present pipeline."""


def match_entries(present: Pipeline, imported: Pipeline) -> Pipeline:
    """Return the imported pipeline with the ids of the present one wherever a step matches.

    Steps match, by the first of these rules that finds a pair:

    1. They have the same id.
    2. They stand in the same list and have the same name.
    3. They stand in the same list and have the same type and config: the step was renamed.
    4. They have the same type and name, as no other step left on either side: it was moved.
    5. They are the only ones of their type that are left in the same list: it was rewritten.

    Steps that match keep their place on the canvas and their order as far as it fits. Connections
    between them stay if they were drawn by hand.
    """
    pairs = _Pairing(present, imported).pairs
    steps = _in_order(present, {s.id: s for s in _adopted(present, imported, pairs)})
    adopted = Pipeline(_settings(present.settings, imported.settings), steps)
    connections = {one.id: one for one in _connections(present, adopted)}
    return replace(adopted, connections=connections)


class _Pairing:
    """Finds which steps match: by the surest rule first, and parents before their children.

    The rules within one list are tried again after each of the others, since every pair of parents
    makes lists comparable that were not before.
    """

    def __init__(self, present: Pipeline, imported: Pipeline) -> None:
        self.pairs: Pairs = {id_: id_ for id_ in imported.steps if id_ in present.steps}
        self._taken = set(self.pairs)
        self._present, self._imported = children_of(present.steps), children_of(imported.steps)
        self._pair_lists(self._pair_alike)
        self._pair_only_ones(imported.steps.values(), present.steps.values(), _type_and_name)
        self._pair_lists(self._pair_alike)
        self._pair_lists(self._pair_only_ones)
        self._pair_lists(self._pair_alike)

    def _pair_lists(
        self, rule: "Callable[[Iterable[Step], Iterable[Step]], Iterable[str]]"
    ) -> None:
        """Apply a rule to the lists of all pairs, and of the pairs that the rule itself finds."""
        pending: list[tuple[str | None, str | None]] = [(None, None), *self.pairs.items()]
        while pending:
            imported, present = pending.pop()
            for slot, steps in self._imported.get(imported, {}).items():
                found = rule(steps, self._present.get(present, {}).get(slot, []))
                pending += [(step, self.pairs[step]) for step in found]

    def _pair_alike(self, imported: Iterable[Step], present: Iterable[Step]) -> list[str]:
        return [*self._pair(imported, present, _name), *self._pair_equal(imported, present)]

    def _pair(
        self, imported: Iterable[Step], present: Iterable[Step], trait: Callable[[Step], Hashable]
    ) -> Iterator[str]:
        # Each list is in reverse, so that `pop` takes the first step with a trait.
        free: dict[Hashable, list[str]] = {}
        for step in present:
            if step.id not in self._taken:
                free.setdefault(trait(step), []).insert(0, step.id)
        for step in imported:
            if step.id not in self.pairs and (ids := free.get(trait(step))):
                self._take(step.id, ids.pop())
                yield step.id

    def _pair_equal(self, imported: Iterable[Step], present: Iterable[Step]) -> Iterator[str]:
        # Confessed: this takes the product of the steps that are left on both sides of one list.
        others = [step for step in present if step.id not in self._taken]
        for step in imported:
            if step.id in self.pairs:
                continue
            for other in others:
                if step.type == other.type and same(step.config, other.config):
                    self._take(step.id, other.id)
                    others.remove(other)
                    yield step.id
                    break

    def _pair_only_ones(
        self,
        imported: Iterable[Step],
        present: Iterable[Step],
        trait: "Callable[[Step], Hashable]" = lambda step: step.type,
    ) -> list[str]:
        """Pair the steps that are left if each side has only one with the same trait."""
        left = _only_ones((step for step in imported if step.id not in self.pairs), trait)
        others = _only_ones((step for step in present if step.id not in self._taken), trait)
        found = [each for each in left if each in others]
        for each in found:
            self._take(left[each], others[each])
        return [left[each] for each in found]

    def _take(self, imported: str, present: str) -> None:
        self.pairs[imported] = present
        self._taken.add(present)


def _name(step: Step) -> Hashable:
    return step.name


def _type_and_name(step: Step) -> Hashable:
    return step.type, step.name


def _only_ones(steps: Iterable[Step], trait: "Callable[[Step], Hashable]") -> dict[Hashable, str]:
    found: dict[Hashable, list[str]] = {}
    for step in steps:
        found.setdefault(trait(step), []).append(step.id)
    return {each: ids[0] for each, ids in found.items() if len(ids) == 1}


def _adopted(present: Pipeline, imported: Pipeline, pairs: Pairs) -> Iterator[Step]:
    for step in imported.steps.values():
        id_ = pairs.get(step.id, step.id)
        parent = step.parent_step_id
        adopted = replace(step, id=id_, parent_step_id=parent and pairs.get(parent, parent))
        known = present.steps.get(id_)
        yield adopted if known is None else _with_unwritten(adopted, known)


def _with_unwritten(imported: Step, known: Step) -> Step:
    """Keep those fields of a known step that no YAML file has."""
    plain = {
        name: getattr(known, name) for name, field in PLAIN_OF_STEP.items() if not field.yaml_key
    }
    return replace(imported, position=known.position, size=known.size, **plain)


def _in_order(present: Pipeline, steps: Mapping[str, Step]) -> dict[str, Step]:
    """Give every step an order among its siblings, the present one wherever it fits."""
    orders: dict[str, str] = {}
    for line in _lines(children_of(steps)):
        standing = [(step.id, _present_order(present, step)) for step in line]
        orders |= {id_: order for id_, order in standing if order is not None}
        orders |= reordered(standing)
    return {id_: replace(step, order=orders[id_]) for id_, step in steps.items()}


def _lines(children: Children) -> Iterator[list[Step]]:
    for slots in children.values():
        yield from slots.values()


def _present_order(present: Pipeline, step: Step) -> str | None:
    known = present.steps.get(step.id)
    stays = known and (known.parent_step_id, known.slot) == (step.parent_step_id, step.slot)
    return known.order if known and stays else None


def _settings(present: PipelineSettings, imported: PipelineSettings) -> PipelineSettings:
    """Keep those settings that no YAML file has."""
    return replace(imported, status=present.status, is_template=present.is_template)


def _connections(present: Pipeline, adopted: Pipeline) -> Iterator[Connection]:
    """Yield the connections drawn by hand that still have both ends, and those now derived."""
    derived = {_route(one) for one in derive_connections(present)}
    known = {_route(one): one for one in present.connections.values()}
    taken = set()
    for route, one in known.items():
        if route not in derived and {one.from_step_id, one.to_step_id} <= adopted.steps.keys():
            taken.add(one.id)
            yield one
    for one in derive_connections(adopted):
        kept = known.get(_route(one))
        if kept is None or kept.id not in taken:
            connection = kept or replace(one, id=_free(one.id, taken))
            taken.add(connection.id)
            yield connection


def _route(one: Connection) -> tuple[str, str, str, str]:
    return one.from_step_id, one.to_step_id, one.from_output, one.to_input


def _free(id_: str, taken: set[str]) -> str:
    """Return the id, or another one made of it if somebody has led that connection elsewhere."""
    while id_ in taken:
        id_ = str(uuid5(CONNECTION_NAMESPACE, str(UUID(id_))))
    return id_
