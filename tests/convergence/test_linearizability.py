"""Edits by three servers happen as if one server had made them one after the other.

Programs patch on a condition, create steps of one name, put files and restore a version, all in one
pipeline. The servers share a log whose commits fail, and a bus that drops, repeats and delays, and
one of them dies. A failure prints its seed and its history.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final, TypeAlias
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.services.versions import Versioning
from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.document.schema import seed as seed_document
from crdt.editing.editor import Editor
from crdt.editing.replace import make_equal
from crdt.editing.verbs import patch_settings, put_step
from crdt.errors import EditConflict, SyncError
from crdt.pipeline.model import Pipeline, PipelineSettings, Step
from crdt.validation.reading import read_pipeline
from persistence.errors import StoreError
from persistence.memory.stores import MemoryStore
from persistence.memory.versions import MemoryVersions
from persistence.ports.directory import NewPipeline
from tests.contracts.stores import NOON, a_pipeline, an_id
from tests.convergence.ledger import Ledger
from tests.convergence.linearizability import Model, Operation, State, is_linearizable
from tests.convergence.server import Node, Server, Verdict
from tests.crdt.entries import key
from tests.rounds import some

SEEDS: Final = some(range(200), few=8)
PIPELINE: Final = an_id(100)
OPERATIONS, AT_ONCE = 24, 6
NAMES: Final = ("one", "two", "three", "four")
VERDICTS: Final[dict[Verdict, float]] = {
    "commit": 30,
    "be away": 2,
    "commit and be away": 2,
    "refuse": 0.5,
}

FIRST: Final = Pipeline(
    PipelineSettings("Loom", "a first draft"),
    {key(1): Step(key(1), "one", "claude", order="a0")},
)
Act: TypeAlias = Callable[[Editor], None]


def state_of(document: Document) -> State:
    """Read what the model knows of."""
    pipeline = read_pipeline(PipelineReader(document))
    names = sorted(step.name for step in pipeline.steps.values())
    return State(pipeline.settings.description or "", tuple(names))


def patch_if(expected: str, wanted: str) -> tuple[Act, Model]:
    """Write the description if it is what the caller has seen, as If-Match asks."""

    def act(editor: Editor) -> None:
        if state_of(editor.document).description != expected:
            raise EditConflict("it has changed")
        patch_settings(editor, {"description": wanted})

    def model(state: State) -> State:
        return state._replace(description=wanted) if state.description == expected else state

    return act, model


def create(name: str, step_id: str) -> tuple[Act, Model]:
    """Add a step of a name that no other may have."""

    def act(editor: Editor) -> None:
        put_step(editor, step_id, {"name": name, "type": "claude"})

    def model(state: State) -> State:
        if name in state.names:
            return state
        return state._replace(names=tuple(sorted((*state.names, name))))

    return act, model


def put(description: str, steps: dict[str, Step]) -> tuple[Act, Model]:
    """Make the pipeline equal to a file."""
    target = Pipeline(PipelineSettings("Loom", description), steps)

    def act(editor: Editor) -> None:
        make_equal(editor, target)

    return act, lambda _: State(description, tuple(sorted(s.name for s in steps.values())))


class History:
    """Programs, servers and accidents, of one seed."""

    def __init__(self, seed: int, store: MemoryStore) -> None:
        self.random = Random(seed)
        self.store, self.ledger = store, Ledger()
        self.versions = MemoryVersions(store)
        self.server = Server(store, self.ledger, Random(self.random.random()))
        self.operations: list[Operation] = []
        self.seen: list[str] = [FIRST.settings.description or ""]
        self._running: set[asyncio.Task[None]] = set()
        self._begun = self._moment = 0

    async def prepare(self) -> None:
        """Create the pipeline, and a version to come back to."""
        team = await self.store.create_team(
            await self.store.create_organization("Looms", "looms"), "Weavers", "weavers"
        )
        first = seed_document(Document(client_id=1), FIRST)
        await self.store.create_pipeline(
            NewPipeline(PIPELINE, team, None, a_pipeline(), first, NOON)
        )
        self.ledger.enter_one(PIPELINE, first)
        await self._versioning(self.server.nodes[0]).save(PIPELINE, None, NOON)

    def _versioning(self, node: Node) -> Versioning:
        return Versioning(self.store, self.versions, node.hub)

    async def run(self) -> None:
        """Let programs edit, with accidents, until all have been answered or never will be."""
        while self._begun < OPERATIONS:
            self._act()
            await self._turn()
        self.server.bus.is_faulty = False
        for _ in range(2000):
            if not self._running:
                break
            self._decide("commit")
            self._pass_time()
            await self._turn()
        await self._end()

    def _act(self) -> None:
        chance = self.random.random()
        if chance < 0.2 and len(self._running) < AT_ONCE:
            self._begin()
        elif chance < 0.5:
            self._decide(*self.random.choices([*VERDICTS], [*VERDICTS.values()]))
        elif chance < 0.7 and self.server.bus.waiting:
            self.server.bus.deliver_one()
        elif chance < 0.75:
            self._pass_time()
        elif chance < 0.753:
            self.server.lose_a_node()

    def _pass_time(self) -> None:
        self.server.clock.seconds += self.random.uniform(0, 0.5)
        self.server.tick()

    def _decide(self, verdict: Verdict) -> None:
        asked = [node.log for node in self.server.nodes if node.log.is_asked]
        if asked:
            self.random.choice(asked).decide(verdict)

    async def _turn(self) -> None:
        self._moment += 1
        await asyncio.sleep(0)
        self.server.recover()
        assert not self.server.failures, self.server.failures

    def _begin(self) -> None:
        self._begun += 1
        node = self.random.choice(self.server.nodes)
        told, act, model, is_large = self._chosen()
        task = asyncio.create_task(
            self._call(f"{self._begun} {told} at {node.name}", node, act, model, is_large=is_large)
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _chosen(self) -> tuple[str, Act | None, Model, bool]:
        """Choose an operation: what to call it, what it does, and what it should do."""
        kind = self.random.choice(["patch", "patch", "create", "create", "put", "restore"])
        word = f"a text of {self._begun}"
        if kind == "patch":
            return kind, *patch_if(self.random.choice(self.seen[-2:]), word), False
        if kind == "create":
            return kind, *create(self.random.choice(NAMES), key(1000 + self._begun)), False
        if kind == "put":
            return kind, *put(word, self._some_steps()), True
        return kind, None, put(FIRST.settings.description or "", dict(FIRST.steps))[1], True

    def _some_steps(self) -> dict[str, Step]:
        chosen = self.random.sample(range(len(NAMES)), 2)
        steps = [Step(key(n + 1), NAMES[n], "claude", order=f"a{n}") for n in chosen]
        return {step.id: step for step in steps}

    async def _call(
        self, told: str, node: Node, act: Act | None, model: Model, *, is_large: bool
    ) -> None:
        """Call an operation and write down how it was answered."""
        called, place = self._moment, len(self.operations)
        self.operations.append(Operation(told, model, called))
        try:
            seen = await self._answer(node, act, is_large=is_large)
        except (SyncError, StoreError) as error:
            if "nothing was changed" in str(error):
                self.operations[place] = Operation(told, lambda state: state, called)
            return
        self.seen.append(seen.description)
        self.operations[place] = Operation(told, model, called, self._moment, seen)

    async def _answer(self, node: Node, act: Act | None, *, is_large: bool) -> State:
        if act is None:
            await self._versioning(node).restore(PIPELINE, 1, None, NOON)
            return state_of_first()
        seen: list[State] = []

        def change(editor: Editor) -> None:
            try:
                act(editor)
            finally:
                seen.append(state_of(editor.document))

        edit = node.hub.edit_aside if is_large else node.hub.edit
        with suppress(EditConflict):
            await edit(PIPELINE, None, change)
        return seen[-1]

    async def _end(self) -> None:
        """Read what the log says in the end."""
        document = await self.server.replayed(PIPELINE)
        last = state_of(document)
        self._moment += 1
        self.operations.append(
            Operation("the end", lambda state: state, self._moment, self._moment, last)
        )


def state_of_first() -> State:
    """What restoring the first version makes of the pipeline."""
    return State(FIRST.settings.description or "", ("one",))


@pytest.mark.parametrize("seed", SEEDS)
async def test_edits_of_three_servers_happen_one_after_the_other(seed: int) -> None:
    history = History(seed, MemoryStore(_ids()))
    with capture_logs():
        await history.prepare()
        await history.run()
    told = "\n".join(f"{o.called} to {o.answered} {o.told}: {o.seen}" for o in history.operations)
    assert is_linearizable(history.operations, state_of_first()), f"seed {seed}\n{told}"
    answered = sum(each.seen is not None for each in history.operations)
    assert answered > OPERATIONS / 3, f"seed {seed}: hardly anything was answered\n{told}"


def _ids() -> Callable[[], UUID]:
    numbers = iter(range(1, 1000))
    return lambda: an_id(next(numbers))


def test_the_check_notices_what_two_servers_decide_by_themselves() -> None:
    def conditional(word: str) -> Model:
        return patch_if("old", word)[1]

    first, one, other = State("old", ()), State("one", ()), State("other", ())
    both = [Operation("", conditional("one"), 0, 2, one)]
    both.append(Operation("", conditional("other"), 1, 3, other))
    assert not is_linearizable(both, first)
    refused = [both[0], Operation("", conditional("other"), 1, 3, one)]
    assert is_linearizable(refused, first)


def test_the_check_notices_a_read_that_does_not_see_a_write() -> None:
    write = Operation("", lambda _: State("new", ()), 0, 1, State("new", ()))
    first = State("old", ())
    assert not is_linearizable([write, Operation("", lambda s: s, 2, 3, first)], first)
    assert is_linearizable([write, Operation("", lambda s: s, 0.5, 3, first)], first)


def test_an_operation_without_an_answer_may_have_taken_effect_or_not() -> None:
    unknown = Operation("", lambda _: State("new", ()), 0)
    first = State("old", ())
    for seen in (first, State("new", ())):
        assert is_linearizable([unknown, Operation("", lambda s: s, 2, 3, seen)], first)
