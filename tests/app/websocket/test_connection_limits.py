import pytest

from app.websocket.connection_limits import ConnectionLimit
from crdt.errors import Overloaded


def test_each_may_have_as_many_as_the_limit_and_comes_back_when_one_is_gone() -> None:
    crowd = ConnectionLimit(2, " of this user")
    with crowd.one_of("ann"), crowd.one_of("ben"):
        with crowd.one_of("ann"):
            with pytest.raises(Overloaded, match="too many connections of this user: close some"):
                crowd.one_of("ann").__enter__()
            with crowd.one_of("ben"):
                pass
        with crowd.one_of("ann"):
            pass
    assert not crowd._counts
