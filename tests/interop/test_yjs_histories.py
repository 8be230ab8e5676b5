"""What Yjs makes of a history, in whatever order its updates come, a document makes of it too."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from random import Random
from subprocess import PIPE, Popen
from typing import Any

import pytest

from crdt.document.document import Document
from crdt.errors import MalformedUpdate
from crdt.updates.format import IS_V2, has_structs
from crdt.updates.inspection import inspect_update
from crdt.updates.limits import ACCEPTED
from crdt.updates.state_vector import read_state_vector
from tests.interop.stock import HERE, node
from tests.rounds import some

SEEDS = some(range(60), few=8)


class Yjs:
    """`histories.mjs` in a process."""

    def __init__(self, process: "Popen[str]") -> None:
        self._process = process

    def history(self, seed: int) -> tuple[list[bytes], Any]:
        """The updates of a history, and what they come to."""
        answer = self._ask({"history": seed})
        return [b64decode(each) for each in answer["updates"]], answer["content"]

    def history_of_v2(self, seed: int) -> list[bytes]:
        """The updates of a history in format V2."""
        return [b64decode(each) for each in self._ask({"v2": seed})["updates"]]

    def content(self, updates: list[bytes]) -> Any:
        """What these updates come to in a fresh document, which nothing may lack then."""
        answer = self._ask({"content": [b64encode(each).decode() for each in updates]})
        assert answer["isWhole"], "expected nothing to wait in the Yjs document"
        return answer["content"]

    def state(self, updates: list[bytes]) -> bytes:
        """What a fresh document that gets these updates has, as it answers whoever has nothing."""
        answer = self._ask({"state": [b64encode(each).decode() for each in updates]})
        return b64decode(answer["update"])

    def _ask(self, question: dict[str, object]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer


@pytest.fixture(scope="module")
def yjs(npm_packages: None) -> Iterator[Yjs]:
    command = [node(), str(HERE / "histories.mjs")]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        yield Yjs(process)
        assert process.stdin is not None
        process.stdin.close()


def delivered(updates: list[bytes], random: Random) -> list[bytes]:
    """The updates in any order, some of them twice, some only after having been lost."""
    order = random.sample(updates, len(updates))
    lost = {each for each in order if random.random() < 0.2}
    twice = [each for each in order if each not in lost for _ in range(random.choice([1, 1, 2]))]
    return twice + [each for each in order if each in lost]


def test_a_document_agrees_with_yjs(yjs: Yjs) -> None:
    for seed in SEEDS:
        updates, content = yjs.history(seed)
        document = Document()
        for each in delivered(updates, Random(seed)):
            document.apply(each)
            assert not document.apply(each), f"seed {seed}"
            assert document._library.state == read_state_vector(document.state_vector()), (
                f"seed {seed}"
            )
        assert not document.waiting(), f"seed {seed}"
        assert yjs.content([document.encode()]) == content, f"seed {seed}"


def test_hardly_anything_of_format_v2_is_accepted(yjs: Yjs) -> None:
    for seed in SEEDS:
        updates = yjs.history_of_v2(seed)
        accepted = [each for each in updates if is_accepted(each)]
        # By chance, one in a thousand is an update of format v1 to its last byte.
        assert len(accepted) <= len(updates) / 10, f"seed {seed}"
        assert not any(has_structs(each) for each in accepted), f"seed {seed}"


def is_accepted(update_of_v2: bytes) -> bool:
    """Whether an update is accepted, or refused with a reason that does not name V2."""
    try:
        inspect_update(update_of_v2, ACCEPTED)
    except MalformedUpdate as error:
        return str(error) != IS_V2
    return True


def test_whoever_joins_while_something_waits_agrees_in_the_end(yjs: Yjs) -> None:
    for seed in SEEDS:
        updates, content = yjs.history(seed)
        random, document = Random(seed), Document()
        order = delivered(updates, random)
        moment = random.randrange(len(order))
        for each in order[:moment]:
            document.apply(each)
        handed_over = [document.encode(), *document.waiting()]
        assert yjs.content([*handed_over, *order[moment:]]) == content, f"seed {seed}"


def damaged(updates: list[bytes]) -> Document:
    """A document with a stand-in for what these updates lack."""
    document = Document()
    for each in updates:
        document.apply(each)
    document.stand_in_for_lost()
    return document


def test_a_stand_in_for_lost_updates_is_the_same_for_all_and_destroys_nothing(yjs: Yjs) -> None:
    for seed in SEEDS:
        updates, content = yjs.history(seed)
        random = Random(seed)
        kept = [each for each in updates if random.random() < 0.8]
        document = damaged(kept)
        sent = [document.encode(), *document.waiting()]
        shuffled = damaged(random.sample(kept, len(kept)))
        assert yjs.content([shuffled.encode()]) == yjs.content(sent[:1]), f"seed {seed}"
        returned = yjs.state(sent)
        assert not document.is_mended_by(returned), f"seed {seed}"
        # A page that has everything is sent the stand-in, and what another one makes of it.
        assert yjs.content([*updates, *sent, returned]) == content, f"seed {seed}"
        # What that one sends back is logged, and then the lost rows are back.
        logged = document.without_stand_in(returned)
        assert yjs.content([*kept, logged, *updates]) == content, f"seed {seed}"
