import pytest

from app.websocket.visit import Visit


def test_the_last_is_undone_first() -> None:
    undone: list[str] = []
    with Visit() as visit:
        visit.when_over(undone.append, "first")
        visit.when_over(undone.append, "second")
    assert undone == ["second", "first"]


def test_what_is_kept_ends_later_and_once() -> None:
    undone: list[str] = []
    with Visit() as visit:
        visit.when_over(undone.append, "it")
        visit.is_kept = True
    assert undone == []
    visit.end()
    visit.end()
    assert undone == ["it"]


def test_one_that_fails_keeps_no_other_from_being_undone() -> None:
    undone: list[str] = []

    def fail() -> None:
        raise LookupError

    visit = Visit()
    visit.when_over(undone.append, "first")
    visit.when_over(fail)
    with pytest.raises(LookupError):
        visit.end()
    assert undone == ["first"]
