"""What a session may do follows from its scope."""

from dataclasses import FrozenInstanceError
from uuid import UUID

import pytest

from crdt.session import Scope, Session

ADA = UUID(int=1)


@pytest.mark.parametrize(("scope", "may_write"), [("read-write", True), ("readonly", False)])
def test_only_the_scope_read_write_may_write(scope: Scope, may_write: bool) -> None:
    assert Session(1, ADA, scope).may_write is may_write


def test_a_scope_is_never_raised_in_place() -> None:
    session = Session(1, ADA, "readonly")
    with pytest.raises(FrozenInstanceError):
        session.scope = "read-write"  # type: ignore[misc]
