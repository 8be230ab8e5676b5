"""Which steps each step reads by name, kept up to date at the cost of what changes.

Names are looked up as `crdt/pipeline/data_flow.py` does for a whole pipeline; here an index says
which steps mention a name, so that only they are looked at again when a step gets or loses it.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from crdt.pipeline.data_flow import input_name, output_field, visible_scopes
from crdt.pipeline.mentions import CONDITIONS, Mention, mentions_in
from crdt.pipeline.model import JsonMap
from crdt.pipeline.placement import Scope

from .diagnostics import Code, shown
from .missing_fields import Finding

K = TypeVar("K")


class MeantStep(NamedTuple):
    """What of a step matters for its meaning and for that of others; see `StepTree.meant`."""

    name: str
    type: str
    config: JsonMap
    scope: Scope
    order: str
    is_enabled: bool


class Read(NamedTuple):
    """What a step reads: the keys of the steps it refers to, and what is wrong with the names."""

    producers: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


_INNER: Final = frozenset((*CONDITIONS, "outputs"))


class _Sets(Generic[K]):
    """Sets of keys of steps by something they have in common."""

    def __init__(self) -> None:
        self._sets: dict[K, set[str]] = {}

    def get(self, common: K) -> Collection[str]:
        return self._sets.get(common, ())

    def put(self, common: K, key: str, *, is_there: bool) -> None:
        if is_there:
            self._sets.setdefault(common, set()).add(key)
            return
        keys = self._sets.get(common, set())
        keys.discard(key)
        if not keys:
            self._sets.pop(common, None)


class References:
    """The names that all steps mention, and the steps that have names."""

    def __init__(self, steps: Mapping[str, MeantStep]) -> None:
        self._steps = steps
        self._mentions: dict[str, tuple[Mention, ...]] = {}
        self._mentioning = _Sets[str]()
        self._named = _Sets[tuple[Scope, str]]()
        self._fields = _Sets[tuple[Scope, str]]()
        self._spelled = _Sets[str]()

    def mentioning(self, spellings: Collection[str]) -> set[str]:
        """Return the steps that mention names which are spelled so; see `spelling`."""
        return {key for each in spellings for key in self._mentioning.get(each)}

    def take_text(self, key: str, step: MeantStep | None) -> None:
        """Find the names in a step whose type or config has changed, None for one that is gone."""
        for mention in self._mentions.pop(key, ()):
            self._mentioning.put(spelling(mention.name), key, is_there=False)
        found = () if step is None else tuple(_distinct(step))
        if found:
            self._mentions[key] = found
        for mention in found:
            self._mentioning.put(spelling(mention.name), key, is_there=True)

    def take_names(self, key: str, former: MeantStep | None, step: MeantStep | None) -> set[str]:
        """Note by which names a step is found in which list; return the spellings concerned."""
        changed = set()
        for each, is_there in ((former, False), (step, True)):
            if each is None:
                continue
            self._named.put((each.scope, each.name), key, is_there=is_there)
            self._spelled.put(spelling(each.name), key, is_there=is_there)
            changed.add(spelling(each.name))
            field = output_field(each.config)
            if field is not None:
                self._fields.put((each.scope, field), key, is_there=is_there)
                changed.add(spelling(field))
        return changed

    def read(self, key: str) -> Read:
        """Look the names in a step up."""
        producers: set[str] = set()
        findings: list[Finding] = []
        for mention in self._mentions.get(key, ()):
            found = self._found(key, mention)
            if found:
                producers.add(self._first(found[0]))
                findings += _ambiguous(mention, found)
            elif mention.certainty != "guessed":
                findings.append(self._dangling(key, mention))
        return Read(frozenset(producers), tuple(findings))

    def _found(self, key: str, mention: Mention) -> list[Collection[str]]:
        """Return the steps that a name may mean, by list from the innermost outward."""
        scopes = [*visible_scopes(key, mention.path, self._scope_of)]
        named = [self._named.get((scope, mention.name)) for scope in scopes]
        if not any(named):
            named = [self._fields.get((scope, mention.name)) for scope in scopes]
        return [keys for keys in named if keys]

    def _first(self, keys: Collection[str]) -> str:
        return min(keys, key=lambda key: (self._steps[key].order, key))

    def _scope_of(self, key: str) -> Scope | None:
        step = self._steps.get(key)
        return None if step is None else step.scope

    def _dangling(self, key: str, mention: Mention) -> Finding:
        return Finding(
            Code.DANGLING_REFERENCE,
            ("config", *mention.place),
            f"{_shown(mention)}: no step of that name can be reached from here.",
            self._advice(key, mention),
            "error" if mention.certainty == "required" else "warning",
        )

    def _advice(self, key: str, mention: Mention) -> str:
        similar = self._spelled.get(spelling(mention.name))
        scopes = {*visible_scopes(key, mention.path, self._scope_of)}
        in_sight = {self._steps[each].name for each in similar if self._steps[each].scope in scopes}
        if in_sight:
            return f"Did you mean {shown(min(in_sight))}?"
        if any(self._steps[each].name == mention.name for each in similar):
            return "A step of that name stands where this one cannot read it: move one of them."
        return ""


def spelling(name: str) -> str:
    """Return what is left of a name without case, blanks and punctuation: how people mistype it."""
    return "".join(filter(str.isalnum, name.casefold())) or name


def _distinct(step: MeantStep) -> Iterator[Mention]:
    """Yield each name once for every way of looking it up, where it stands first."""
    seen = set()
    for mention in mentions_in(step.type, step.config):
        sight = mention.path[0] if mention.path[0] in _INNER else ""
        key = mention.name, sight, mention.certainty
        if mention.certainty != "variable" and key not in seen:
            seen.add(key)
            yield mention


def _ambiguous(mention: Mention, found: list[Collection[str]]) -> Iterator[Finding]:
    count = sum(map(len, found))
    if count > 1:
        message = f"{_shown(mention)} may be any of {count} steps; the nearest is taken."
        yield Finding(Code.AMBIGUOUS_REFERENCE, ("config", *mention.place), message)


def _shown(mention: Mention) -> str:
    return f"{shown(mention.name)} in {input_name(mention.place)}"
