"""What is remembered of tokens that were checked, and for how long."""

from datetime import timedelta

import pytest

from app.auth import checked_tokens
from app.auth.checked_tokens import LONGEST_KEPT, CheckedTokens, SignedToken
from tests.app.fakes import HeldClock
from tests.contracts.stores import NOON

SIGNED = SignedToken("somebody", "", NOON + timedelta(seconds=60), None, {})


def test_a_token_is_known_until_it_expires() -> None:
    clock = HeldClock()
    tokens = CheckedTokens(clock)
    assert tokens.find("token") is None
    assert tokens.keep("token", SIGNED) is SIGNED
    clock.seconds = 59.9
    assert tokens.find("token") is SIGNED
    assert tokens.find("token ") is None
    clock.seconds = 60
    assert tokens.find("token") is None
    assert len(tokens) == 0


def test_all_are_forgotten_at_once() -> None:
    tokens = CheckedTokens(HeldClock())
    tokens.keep("token", SIGNED)
    tokens.forget()
    assert tokens.find("token") is None


def test_the_one_used_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_tokens, "MOST_KEPT", 2)
    tokens = CheckedTokens(HeldClock())
    for token in ("first", "second"):
        tokens.keep(token, SIGNED)
    assert tokens.find("first")
    tokens.keep("third", SIGNED)
    assert [tokens.find(token) for token in ("first", "second", "third")] == [SIGNED, None, SIGNED]


def test_a_long_one_is_not_kept() -> None:
    tokens = CheckedTokens(HeldClock())
    assert tokens.keep("x" * (LONGEST_KEPT + 1), SIGNED) is SIGNED
    assert len(tokens) == 0


def test_a_text_that_is_no_unicode_is_not_known() -> None:
    assert CheckedTokens(HeldClock()).find("\ud800") is None
