"""The people of a room in tests, and what they send and receive."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from pycrdt import Map

from crdt.document.document import Document
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import (
    AwarenessUpdate,
)
from crdt.room.effects import (
    Effect,
    Publish,
)
from crdt.room.peer_messages import NodePresence
from crdt.room.session import UserProfile

ADA, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)
ANN, BEN, VIEWER = 1, 2, 3
NOTHING = b"\x00"
A_SECOND = timedelta(seconds=1)

T = TypeVar("T")


class Client:
    """Somebody with a replica who has not sent anything yet."""

    def __init__(self, client_id: int) -> None:
        self.document = Document(client_id)

    @property
    def steps(self) -> "Map[Any]":
        steps: Map[Any] = self.document.doc.get("steps", type=Map)
        return steps

    def edit(self, change: "Callable[[Map[Any]], object]") -> bytes:
        with self.document.transact() as updates:
            change(self.steps)
        return updates[0]

    def put(self, key: str, value: object) -> bytes:
        return self.edit(lambda steps: steps.update({key: value}))


def presence(client: int, clock: int, state: str = "{}") -> bytes:
    return b"\x01" + var_uint(client) + var_uint(clock) + var_string(state)


def seen(client: int, clock: int, user: UUID = ADA) -> AwarenessUpdate:
    """A client's empty state as the others get it."""
    return AwarenessUpdate(presence(client, clock, json.dumps({"user": UserProfile(user).card})))


def published(presence: AwarenessUpdate) -> Publish:
    """What is published to the other nodes when presence changes."""
    return Publish(NodePresence("here", presence.payload, is_complete=False))


def only(kind: type[T], effects: list[Effect]) -> list[T]:
    return [effect for effect in effects if isinstance(effect, kind)]
