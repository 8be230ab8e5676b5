"""A message that was read ahead is the same message."""

import pytest

from crdt.errors import MalformedUpdate
from crdt.protocol.messages import ClientMessage, SyncStep1, SyncStep2, Update
from crdt.room.inspected_messages import SurveyedSyncStep2, SurveyedUpdate, as_read, read_ahead
from crdt.updates.inspection import survey
from crdt.updates.limits import ACCEPTED
from tests.crdt.raw_updates import Y_MAP, in_root, update

EDIT = update(in_root(7, Y_MAP))


def test_updates_and_answers_are_read() -> None:
    edit, answer = read_ahead(Update(EDIT)), read_ahead(SyncStep2(EDIT))
    found = survey(EDIT, ACCEPTED)
    assert edit == SurveyedUpdate(EDIT, found)
    assert answer == SurveyedSyncStep2(EDIT, found)
    assert isinstance(edit, Update)
    assert as_read(edit) == found
    assert as_read(Update(EDIT)) == EDIT


def test_there_is_nothing_to_read_in_others() -> None:
    message = SyncStep1(b"\x00")
    assert read_ahead(message) is message


@pytest.mark.parametrize("message", [Update(EDIT[:-2]), SyncStep2(b"garbage")])
def test_what_cannot_be_read_is_refused(message: ClientMessage) -> None:
    with pytest.raises(MalformedUpdate):
        read_ahead(message)
