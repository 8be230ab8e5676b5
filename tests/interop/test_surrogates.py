"""People edit between the halves of a character: a document makes of it what Yjs makes of it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from subprocess import PIPE, Popen
from typing import Any, Final

import pytest
from pycrdt import Text

from crdt.document.document import Document
from crdt.document.schema import root_map, seed
from crdt.document.text_edits import is_only_text, write_text
from crdt.pipeline.model import Pipeline, PipelineSettings, Step
from crdt.updates.limits import ACCEPTED
from crdt.updates.state_vector import read_state_vector
from persistence.ports.update_log import LoggedUpdate, StoredDocument
from persistence.worker.replay import replay
from persistence.worker.replica import Replica
from tests.crdt.entries import key
from tests.interop.stock import HERE, node
from tests.rounds import some

SEEDS = some(range(500), few=6)
TURNS = 40
STEP = key(1)
FIRST_TEXT = "weave the 😀 warp"
EDITORS = ("ann", "bob", "eve")

CHARACTERS: Final = [
    "a",
    "é",
    "織",
    "😀",
    "😁",
    "𝄞",
    "👩\u200d👧",
    "🏳️\u200d🌈",
    "\N{REPLACEMENT CHARACTER}",
    " ",
]
HALVES: Final = ["\ud83d", "\ude00", "\ude00\ud83d", "x\ud83d"]
"""Half characters that an editor inserts; see `Play.is_strict`."""


class YjsDocuments:
    """`surrogates.mjs` in a process."""

    def __init__(self, process: "Popen[str]") -> None:
        self._process = process

    def apply(self, doc: str, *updates: bytes) -> bytes:
        """Merge updates; return the state vector."""
        answer = self._ask(doc=doc, apply=[b64encode(each).decode() for each in updates])
        return b64decode(answer["stateVector"])

    def edit(self, doc: str, *changes: list[Any]) -> list[bytes]:
        """Edit the text in one transaction; return the updates."""
        return [b64decode(each) for each in self._ask(doc=doc, edit=changes)["updates"]]

    def read(self, doc: str) -> tuple[list[Any], dict[int, int]]:
        """What the text holds, and the state vector. Nothing may be pending."""
        answer = self._ask(doc=doc)
        assert answer["isWhole"], doc
        return answer["units"], read_state_vector(b64decode(answer["stateVector"]))

    def clear(self) -> None:
        self._ask(clear=True)

    def _ask(self, **question: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer


@pytest.fixture(scope="module")
def yjs(npm_packages: None) -> Iterator[YjsDocuments]:
    command = [node(), str(HERE / "surrogates.mjs"), STEP]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        yield YjsDocuments(process)
        assert process.stdin is not None
        process.stdin.close()


class Play:
    """Three editors at a server, from a seed; `peer` is a Yjs document in the server's place.

    The updates of an editor reach the server in their order, at some time, and the other editors in
    the order of the server. A newcomer joins at some time.
    """

    def __init__(self, seed_: int, yjs: YjsDocuments) -> None:
        self.random, self._yjs = Random(seed_), yjs
        self.is_strict = seed_ % 2 == 0
        """Whether the editors, too, must agree.

        An editor sees the halves that it inserts as characters once they meet, and no other one
        does. It replaces a character of whose halves it formats one, and sends nothing if the
        format is the one that was there.
        """
        yjs.clear()
        self.document = Document(client_id=self.random.getrandbits(32))
        step = Step(STEP, "step", "claude", config={"prompt": FIRST_TEXT})
        self.log = [seed(self.document, Pipeline(PipelineSettings("p"), {STEP: step}))]
        self._sent: dict[str, list[bytes]] = {name: [] for name in EDITORS}
        self._due: dict[str, list[bytes]] = {name: [] for name in EDITORS}
        for name in (*EDITORS, "peer"):
            yjs.apply(name, *self.log)

    def play(self) -> None:
        acts = (
            [self._edit] * 8
            + [self._send] * 4
            + [self._receive] * 4
            + [self._edit_here, self._join]
        )
        for _ in range(TURNS):
            self.random.choice(acts)(self.random.choice(EDITORS))
        for name in EDITORS:
            self._send(name, all_of_it=True)
        for name in self._due:
            self._receive(name, all_of_it=True)

    def _edit(self, name: str) -> None:
        changes = [self._change() for _ in range(self.random.choice([1, 1, 2, 4]))]
        self._sent[name] += self._yjs.edit(name, *changes)

    def _change(self) -> list[Any]:
        random, places = self.random, sorted([self.random.random(), self.random.random()])
        verb = random.choice(
            ["insert"] * 4 + ["delete"] * 3 + ["format", "insertEmbed"] * (not self.is_strict)
        )
        characters = CHARACTERS if self.is_strict else CHARACTERS + HALVES
        value = "".join(random.choices(characters, k=random.choice([1, 1, 2, 5])))
        # Short ranges, so that something is left.
        if verb in ("delete", "format"):
            places[1] = min(places[1], places[0] + 0.1)
        more = {
            "insert": [value],
            "delete": [],
            "format": [{"mark": value}],
            "insertEmbed": [{"of": value}],
        }
        return [verb, *places, *more[verb]]

    def _send(self, name: str, *, all_of_it: bool = False) -> None:
        sent = self._sent[name]
        count = len(sent) if all_of_it else self.random.randint(0, len(sent))
        for update in sent[:count]:
            # Others may have deleted the same characters.
            if self.document.apply(update, ACCEPTED):
                self._log(update, name)
        del sent[:count]

    def _log(self, update: bytes, author: str) -> None:
        self.log.append(update)
        self._yjs.apply("peer", update)
        for name, due in self._due.items():
            if name != author:
                due.append(update)

    def _receive(self, name: str, *, all_of_it: bool = False) -> None:
        due = self._due[name]
        count = len(due) if all_of_it else self.random.randint(0, len(due))
        self._yjs.apply(name, *due[:count])
        del due[:count]

    def _edit_here(self, _: str) -> None:
        """An edit over REST: a word more or less."""
        words = str(text_of(self.document)).split(" ")
        place = self.random.randrange(len(words) + 1)
        words[place : place + self.random.randint(0, 1)] = self.random.choices(CHARACTERS, k=2)
        with self.document.transact() as updates:
            if is_only_text(text_of(self.document)):
                write_text(text_of(self.document), " ".join(words))
        for update in updates:
            self._log(update, "server")

    def _join(self, _: str) -> None:
        name = f"newcomer {len(self._due)}"
        self._due[name] = []
        self._yjs.apply(name, self.document.diff(b"\x00"))

    @property
    def newcomers(self) -> list[str]:
        return [name for name in self._due if name not in EDITORS]


def text_of(document: Document) -> Text:
    text = root_map(document, "steps")[STEP]["config"]["prompt"]
    assert isinstance(text, Text)
    return text


def units_of(document: Document) -> list[Any]:
    """What a text holds: its characters in runs, and the values embedded in between."""
    units: list[Any] = []
    for unit, _ in text_of(document).diff():
        if isinstance(unit, str) and units and isinstance(units[-1], str):
            units[-1] += unit
        else:
            units.append(unit)
    return units


def logged(updates: list[bytes]) -> list[LoggedUpdate]:
    now = datetime(2020, 1, 1, tzinfo=UTC)
    return [LoggedUpdate(seq, None, update, now) for seq, update in enumerate(updates, 1)]


@pytest.mark.parametrize("seed_", SEEDS)
def test_all_see_what_yjs_makes_of_it(seed_: int, yjs: YjsDocuments) -> None:
    play = Play(seed_, yjs)
    play.play()
    units, state = yjs.read("peer")
    document = play.document
    assert (units_of(document), read_state_vector(document.state_vector())) == (units, state)
    yjs.apply("latecomer", document.diff(b"\x00"))
    for name in (*play.newcomers, "latecomer", *(EDITORS if play.is_strict else ())):
        assert yjs.read(name) == (units, state), name
    assert_replays_agree(play, units)
    assert_order_does_not_matter(play, yjs)


def assert_replays_agree(play: Play, units: list[Any]) -> None:
    """From the log alone, from a stored state and what came since, and in the tables."""
    updates = logged(play.log)
    whole, left_out = replay(StoredDocument(None, 0, updates))
    assert (left_out, units_of(whole)) == ([], units)
    middle = play.random.randrange(1, len(updates) + 1)
    before = Replica(StoredDocument(None, 0, updates[:middle]))
    state, waiting, _ = before.encode()
    resumed, _ = replay(StoredDocument(state, middle, updates[middle:], waiting))
    assert units_of(resumed) == units
    text = "".join(unit for unit in units if isinstance(unit, str))
    assert projected(updates, play.random) == text


def projected(updates: list[LoggedUpdate], random: Random) -> object:
    """Return the prompt in the tables after projections of a few updates each."""
    replica, prompt = Replica(StoredDocument(None, 0, updates[:1])), FIRST_TEXT
    stops = sorted({1, *random.choices(range(1, len(updates) + 1), k=4), len(updates)})
    for start, stop in pairwise(stops):
        for row in replica.advance(updates[start:stop]).steps:
            prompt = row.config["prompt"]
    return prompt


def assert_order_does_not_matter(play: Play, yjs: YjsDocuments) -> None:
    """Or it does, as it does in Yjs."""
    order = play.random.sample(play.log, len(play.log))
    document = Document()
    for update in order:
        document.apply(update)
        yjs.apply("shuffled", update)
    assert units_of(document) == yjs.read("shuffled")[0]
