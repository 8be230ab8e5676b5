"""A room with people in it."""

import pytest
from pycrdt import Map

from crdt.document.document import Document
from crdt.room.room import Room
from crdt.room.session import Session, UserProfile
from tests.crdt.room.scene import ADA, ANN, BEN, BOB, EVE, VIEWER, Client


@pytest.fixture
def room() -> Room:
    """A room with one step, two members and a viewer."""
    document = Document(client_id=100)
    with document.transact():
        document.doc.get("steps", type=Map).update({"first": 0, "gone": 0})
    with document.transact():
        del document.doc.get("steps", type=Map)["gone"]
    room = Room(document, "here")
    room.join(Session(ANN, UserProfile(ADA), "read-write"))
    room.join(Session(BEN, UserProfile(BOB), "read-write"))
    room.join(Session(VIEWER, UserProfile(EVE), "readonly"))
    return room


@pytest.fixture
def ann(room: Room) -> Client:
    client = Client(1)
    client.document.apply(room.document.encode())
    return client
