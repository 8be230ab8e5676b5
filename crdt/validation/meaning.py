"""What a runner would hold against the steps of a pipeline, kept up to date while people edit.

The tables hold every step that is dealt with here: nothing is left out, and no edit is refused for
it. What depends on one step alone is found when it changes. What depends on others is looked at
again only for the steps that mention a changed name, stand at a changed place or are on a changed
cycle. The result depends on nothing but the present content, whatever the way there.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from crdt.pipeline.data_flow import output_field
from crdt.pipeline.fields import MAIN_SLOT
from crdt.pipeline.placement import Scope, crosses_border
from crdt.pipeline.required_fields import LOOPS
from crdt.pipeline.rows import UNSUPPORTED, Diagnostic

from .data_cycles import DataCycles, Edge
from .diagnostics import Code, pointer, shown, step_subject
from .missing_fields import Finding, missing_fields
from .references import MeantStep, Read, References
from .step_places import Change, StepPlaces

Link: TypeAlias = tuple[str, str]
"""The ends of a connection: the step that is read, and the one that reads."""

MAX_FINDINGS: Final = 5
"""Findings of one code that a diagnostic describes; it counts the others."""

_NOTHING_READ: Final = Read()


class Meaning:
    """The diagnostics about what steps mean, by step."""

    def __init__(self) -> None:
        self._steps: dict[str, MeantStep] = {}
        self._places = StepPlaces()
        self._references = References(self._steps)
        self._reads: dict[str, Read] = {}
        self._links: dict[str, Link] = {}
        self._links_at: dict[str, set[str]] = {}
        self._cycles = DataCycles()

    def update(
        self, steps: Mapping[str, MeantStep | None], links: Mapping[str, Link | None]
    ) -> set[str]:
        """Take steps and connections (None: gone); return the steps whose diagnostics may change.

        A step must be given whenever anything of it may have changed that a `MeantStep` has.
        """
        change = Change()
        for key, step in steps.items():
            former = self._steps.get(key)
            if not _is_same(former, step):
                self._take(key, former, step, change)
        change.concerned |= self._places.settle_stops(change.stopped, self._steps)
        moved = self._places.below(change.moved)
        unread = change.unread | moved | self._references.mentioning(change.names)
        for key in unread:
            self._read(key)
        self._take_links(links, moved)
        on_cycles = self._cycles.settle() | {key for key in steps if self._is_on_cycle(key)}
        heads = {cycle[0] for key in on_cycles if (cycle := self._cycles.cycle_of(key))}
        return change.concerned | unread | on_cycles | heads

    def diagnostics(self, key: str) -> Iterator[Diagnostic]:
        """Yield the diagnostics of a step, at most one of each code."""
        step = self._steps.get(key)
        if step is None:
            return
        by_code: dict[Code, list[Finding]] = {}
        for finding in self._findings(key, step):
            by_code.setdefault(finding.code, []).append(finding)
        for code, findings in by_code.items():
            yield _together(code, step_subject(key), findings)

    def findings(self, key: str) -> Iterator[Finding]:
        """Yield all that is found in a step, for a check of a whole file."""
        step = self._steps.get(key)
        if step is not None:
            yield from self._findings(key, step)

    def _take(
        self, key: str, former: MeantStep | None, step: MeantStep | None, change: Change
    ) -> None:
        if step is None:
            self._steps.pop(key, None)
        else:
            self._steps[key] = step
        change.concerned.add(key)
        if _names_of(former) != _names_of(step):
            change.names |= self._references.take_names(key, former, step)
        if _text_of(former) != _text_of(step):
            self._references.take_text(key, step)
            change.unread.add(key)
            change.concerned |= self._places.children(key)
        self._places.take(key, former, step, change)

    def _read(self, key: str) -> None:
        if key not in self._steps:
            self._reads.pop(key, None)
            self._cycles.put(key, ())
            return
        read = self._references.read(key)
        if read == _NOTHING_READ:
            self._reads.pop(key, None)
        else:
            self._reads[key] = read
        self._cycles.put(key, self._edges((producer, key) for producer in read.producers))

    def _take_links(self, links: Mapping[str, Link | None], moved: Iterable[str]) -> None:
        for key, link in links.items():
            self._detach(key)
            if link is not None:
                self._links[key] = link
                for end in link:
                    self._links_at.setdefault(end, set()).add(key)
        concerned = links.keys() | {key for end in moved for key in self._links_at.get(end, ())}
        for key in concerned:
            held = self._links.get(key)
            self._cycles.put(f"link {key}", self._edges(() if held is None else (held,)))

    def _detach(self, key: str) -> None:
        for end in self._links.pop(key, ()):
            keys = self._links_at.get(end, set())
            keys.discard(key)
            if not keys:
                self._links_at.pop(end, None)

    def _edges(self, flows: Iterable[Link]) -> list[Edge]:
        return [edge for flow in flows if (edge := self._edge(*flow)) is not None]

    def _edge(self, producer: str, consumer: str) -> Edge | None:
        """Return the flow as one between two steps of one list, None where it can be no cycle.

        A loop and the steps in it read each other as they like, and so do a step and those inside
        it: what is there is of an earlier round, or made while the outer step runs.
        """
        ways = dict(self._way_up(consumer))
        for scope, read in self._way_up(producer):
            reader = ways.get(scope)
            if reader is not None:
                is_itself = producer == consumer and self._steps[producer].type not in LOOPS
                is_free = (read == reader and not is_itself) or self._is_in_loop(scope)
                return None if is_free else (scope, read, reader)
        return None

    def _way_up(self, key: str) -> Iterator[tuple[Scope, str]]:
        at: str | None = key
        while at is not None and (step := self._steps.get(at)) is not None:
            yield step.scope, at
            at = step.scope[0]

    def _is_in_loop(self, scope: Scope) -> bool:
        """Whether a list runs several times and keeps what was read; an inline pipeline forgets."""
        parent, slot = scope
        while parent is not None and not crosses_border(slot):
            step = self._steps.get(parent)
            if step is None:
                return False
            if step.type in LOOPS and slot == MAIN_SLOT:
                return True
            parent, slot = step.scope
        return False

    def _is_on_cycle(self, key: str) -> bool:
        return bool(self._cycles.cycle_of(key))

    def _findings(self, key: str, step: MeantStep) -> Iterator[Finding]:
        yield from missing_fields(step.type, step.config, self._places.slots(key))
        yield from self._reads.get(key, _NOTHING_READ).findings
        yield from self._unreachable(key, step)
        cycle = self._cycles.cycle_of(key)
        if cycle and cycle[0] == key:
            yield _cycle_finding(sorted(self._steps[each].name for each in cycle))

    def _unreachable(self, key: str, step: MeantStep) -> Iterator[Finding]:
        stop = self._places.first_stop(step.scope)
        if stop is not None and stop < (step.order, key):
            message = f"{shown(self._steps[stop[1]].name)} before it ends every run of the list."
            yield Finding(Code.UNREACHABLE_STEP, (), message)
        if step.config.get("condition") in (False, "false"):
            message = "the condition is never true."
            yield Finding(Code.UNREACHABLE_STEP, ("config", "condition"), message)
        parent = None if step.scope[0] is None else self._steps.get(step.scope[0])
        if parent is not None and not _runs(parent, step.scope[1]):
            message = f"a step like its parent does not run what is in {shown(step.scope[1])}."
            yield Finding(Code.UNREACHABLE_STEP, ("slot",), message)


def _is_same(one: MeantStep | None, other: MeantStep | None) -> bool:
    # Comparing configs would take longer than finding the names in them.
    if one is None or other is None:
        return one is other
    return one.config is other.config and one == other


def _names_of(step: MeantStep | None) -> object:
    """Return what decides which mentions find a step: of two with one name the first is found."""
    return step and (step.name, step.scope, step.order, output_field(step.config))


def _text_of(step: MeantStep | None) -> object:
    return step and (step.type, id(step.config))


def _runs(parent: MeantStep, slot: str) -> bool:
    """Whether a step ever runs the steps in one of its slots; who knows of an unknown type."""
    if parent.type == UNSUPPORTED or slot in {"error_handler", "on_error"}:
        return True
    if crosses_border(slot):
        return parent.type == "pipeline" and parent.config.get("pipeline_file") is None
    if slot == "default" or slot.startswith("cases:"):
        return parent.type == "switch"
    if slot == "on_not_found":
        return parent.type == "checkpoint"
    return slot == MAIN_SLOT and parent.type in LOOPS


def _cycle_finding(names: list[str]) -> Finding:
    if len(names) == 1:
        return Finding(Code.DATA_CYCLE, (), "it reads its own output, which is not there yet.")
    some = ", ".join(map(shown, names[:MAX_FINDINGS]))
    more = f" and {len(names) - MAX_FINDINGS} more" if len(names) > MAX_FINDINGS else ""
    message = f"{some}{more} read each other's output, so none of them can run first."
    return Finding(Code.DATA_CYCLE, (), message)


def _together(code: Code, subject: str, findings: list[Finding]) -> Diagnostic:
    """Make one diagnostic of all findings of a code."""
    messages = [finding.message[:1].upper() + finding.message[1:] for finding in findings]
    if more := len(messages) - MAX_FINDINGS:
        messages[MAX_FINDINGS:] = [f"There are {more} more."] if more > 0 else []
    severities = {finding.severity or code.severity for finding in findings}
    return code.about(
        subject,
        " ".join(messages),
        path=pointer(*findings[0].path),
        suggestion=findings[0].suggestion,
        severity="error" if "error" in severities else "warning",
    )
