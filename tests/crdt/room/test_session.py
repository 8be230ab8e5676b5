"""What a session may do follows from its scope."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from crdt.protocol.messages import Scope
from crdt.room.session import Session

ADA = UUID(int=1)


@pytest.mark.parametrize(("scope", "may_write"), [("read-write", True), ("readonly", False)])
def test_only_the_scope_read_write_may_write(scope: Scope, may_write: bool) -> None:
    assert Session(1, ADA, scope).may_write is may_write


def test_a_scope_is_never_raised_in_place() -> None:
    session = Session(1, ADA, "readonly")
    with pytest.raises(FrozenInstanceError):
        session.scope = "read-write"  # type: ignore[misc]


def test_a_session_is_good_until_its_token_expires() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    session = Session(1, ADA, "readonly", noon)
    assert not session.has_expired(noon - timedelta(seconds=1))
    assert session.has_expired(noon)
    assert not Session(1, ADA, "readonly").has_expired(noon)
