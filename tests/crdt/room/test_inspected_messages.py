"""A message that was read ahead is the same message."""

import pytest

from crdt.errors import MalformedUpdate
from crdt.protocol.messages import ClientMessage, SyncStep1, SyncStep2, Update
from crdt.room.inspected_messages import InspectedSyncStep2, InspectedUpdate, as_read, inspected
from crdt.updates.inspection import inspect_update
from crdt.updates.limits import ACCEPTED
from tests.crdt.raw_updates import Y_MAP, in_root, update

EDIT = update(in_root(7, Y_MAP))


def test_updates_and_answers_are_read() -> None:
    edit, answer = inspected(Update(EDIT)), inspected(SyncStep2(EDIT))
    found = inspect_update(EDIT, ACCEPTED)
    assert edit == InspectedUpdate(EDIT, found)
    assert answer == InspectedSyncStep2(EDIT, found)
    assert isinstance(edit, Update)
    assert as_read(edit) == found
    assert as_read(Update(EDIT)) == EDIT


def test_there_is_nothing_to_read_in_others() -> None:
    message = SyncStep1(b"\x00")
    assert inspected(message) is message


@pytest.mark.parametrize("message", [Update(EDIT[:-2]), SyncStep2(b"garbage")])
def test_what_cannot_be_read_is_refused(message: ClientMessage) -> None:
    with pytest.raises(MalformedUpdate):
        inspected(message)
