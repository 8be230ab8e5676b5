"""What a room acknowledges is what a server that has only the log has, too (docs/protocol.md)."""

from datetime import UTC, datetime
from random import Random

import pytest
from pycrdt import Map

from crdt.document.document import Document
from crdt.errors import DocumentPoisoned
from crdt.protocol.messages import Accepted, SyncStep2, Update
from crdt.room.effects import Append, SendWhenDurable
from crdt.room.room import Room
from crdt.room.session import Session, UserProfile
from persistence.ports.update_log import LoggedUpdate, StoredDocument
from persistence.worker.replay import replay
from tests.crdt.histories import History
from tests.crdt.raw_updates import OF_V2
from tests.crdt.room.scene import ADA, ANN
from tests.rounds import some

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Log:
    """The log of one pipeline, and the room that a server makes of it."""

    def __init__(self, seed: bytes) -> None:
        self.updates = [seed]
        self.room = self.loaded()

    def replayed(self) -> Document:
        """Make the document of a server that has nothing else."""
        logged = [LoggedUpdate(seq, None, each, NOW) for seq, each in enumerate(self.updates, 1)]
        document, left_out = replay(StoredDocument(None, 0, logged))
        assert not left_out
        return document

    def loaded(self) -> Room:
        room = Room(self.replayed(), "here")
        room.join(Session(ANN, UserProfile(ADA), "read-write"))
        return room

    def receive(self, message: Update | SyncStep2) -> bool:
        """Let the room handle a message and commit; return whether it was acknowledged."""
        try:
            effects = self.room.handle(ANN, message, 0.0)
        except DocumentPoisoned:
            self.room = self.loaded()
            return False
        self.updates += [each.update for each in effects if isinstance(each, Append)]
        return any(
            isinstance(each, SendWhenDurable) and isinstance(each.message, Accepted)
            for each in effects
        )


def damaged(update: bytes, random: Random) -> bytes:
    changed = bytearray(update)
    changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("seed", some(range(60), few=5))
def test_what_is_acknowledged_is_in_a_replay_of_the_log(seed: int) -> None:
    history, first = History(seed), Document(client_id=100)
    with first.transact() as begun:
        first.doc.get("pipeline", type=Map)["name"] = "first"
    log, random = Log(begun[0]), Random(seed)
    acknowledged = 0
    for each in history.shuffled():
        sent = random.choice([each, each, each, damaged(each, random), each + b"x", OF_V2])
        if log.receive(Update(sent) if random.random() < 0.5 else SyncStep2(sent)):
            acknowledged += 1
            assert sent not in (each + b"x", OF_V2), f"seed {seed}"
            assert not log.replayed().apply(sent), f"seed {seed}: {sent.hex()}"
    assert acknowledged, f"seed {seed}"
